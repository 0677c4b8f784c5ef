#include "report/exit_code.h"

#include <errno.h>
#include <signal.h>

const char *exit_code_words(enum exit_code code)
{
    switch ((int)code) {
    case EXIT_NO_PROCESSOR: return "no processor";
    case EXIT_NO_DATABASE: return "the database";
    case EXIT_INTERNAL: return "internal error";
    case EXIT_LOG: return "no log";
    case EXIT_STORAGE: return "a directory or a disk";
    case EXIT_SCHEMA: return "another schema";
    case EXIT_PERMISSION: return "a permission";
    case EXIT_CONFIGURATION: return "the configuration";
    case EXIT_SIGNAL + SIGALRM: return "run-time-limit";
    default: return code > EXIT_SIGNAL ? "ended by a signal" : "";
    }
}

bool exit_code_is_done(enum exit_code code)
{
    return code <= EXIT_LEFT || code == EXIT_LOG;
}

enum exit_code exit_code_of_errno(int error)
{
    switch (error) {
    case EACCES:
    case EPERM: return EXIT_PERMISSION;
    case ENOTUNIQ: return EXIT_CONFIGURATION;
    case EMFILE:
    case ENFILE:
    case ENOMEM: return EXIT_INTERNAL;
    case EFBIG:
    case ETXTBSY:
    case EREMCHG:
    case EXDEV:
    case EWOULDBLOCK:
    case EINTR: return EXIT_LEFT;
    default: return EXIT_STORAGE;
    }
}

enum exit_code exit_code_of_crash(int error)
{
    bool is_its_own = error == 0 || error == ENOTDIR || error == ENOMEDIUM;
    return is_its_own ? EXIT_LEFT : exit_code_of_errno(error);
}
