#include "report/exit_code.h"

#include <errno.h>

enum exit_code exit_code_of_errno(int error)
{
    return error == EACCES || error == EPERM ? EXIT_PERMISSION
           : error == ENOTUNIQ               ? EXIT_CONFIGURATION
                                             : EXIT_STORAGE;
}

enum exit_code exit_code_of_crash(int error)
{
    return error == 0 || error == ENOTDIR ? EXIT_LEFT : exit_code_of_errno(error);
}
