#include "report/exit_code.h"

#include <errno.h>

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
    case EXDEV:
    case EWOULDBLOCK:
    case EINTR: return EXIT_LEFT;
    default: return EXIT_STORAGE;
    }
}

enum exit_code exit_code_of_crash(int error)
{
    return error == 0 || error == ENOTDIR ? EXIT_LEFT : exit_code_of_errno(error);
}
