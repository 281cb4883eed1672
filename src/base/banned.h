/* Functions that are too easy to misuse, made unusable. Included before every file by the build. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#undef sprintf /* FORTIFY makes it a macro under clang */
#undef vsprintf
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf gets strtok system popen tmpnam mktemp
#pragma GCC poison atoi atol atoll gmtime localtime ctime asctime
