/* fuzz.h - what the fuzz targets share. Each target is one function, which libFuzzer calls with
 * bytes of its own; it does not only look for crashes, but checks what the headers promise. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(promise)                                                                             \
    do {                                                                                           \
        if (!(promise)) {                                                                          \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #promise);           \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* The bytes up to the first NUL as a string that is not a byte longer, so that the sanitizer sees
 * who reads beyond its end. */
static inline char *text_of(const uint8_t *data, size_t size)
{
    char *text = strndup((const char *)data, size);
    CHECK(text != NULL);
    return text;
}

/* Goes through parts that are separated by NUL: takes the next one off the bytes. NULL at the end;
 * the caller frees it. */
static inline char *next_text(const uint8_t **data, size_t *size)
{
    if (*size == 0)
        return NULL;
    char *text = text_of(*data, *size);
    size_t length = strlen(text);
    length += length < *size;
    *data += length;
    *size -= length;
    return text;
}

#endif
