/* Error numbers and their texts: bsd/sys/errno.h, Libc gen/FreeBSD/errlst.c. */
#include "twin.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __thread int darwin_errno;

int *DARWIN(__error)(void) { return &darwin_errno; }

/* Linux's number and Darwin's. Linux has one for ENOTSUP and EOPNOTSUPP, which is 102. */
static const unsigned char NUMBERS[][2] = {
    {EAGAIN, 35},          {EINPROGRESS, 36},   {EALREADY, 37},         {ENOTSOCK, 38},
    {EDESTADDRREQ, 39},    {EMSGSIZE, 40},      {EPROTOTYPE, 41},       {ENOPROTOOPT, 42},
    {EPROTONOSUPPORT, 43}, {ESOCKTNOSUPPORT, 44}, {EOPNOTSUPP, 45},     {EPFNOSUPPORT, 46},
    {EAFNOSUPPORT, 47},    {EADDRINUSE, 48},    {EADDRNOTAVAIL, 49},    {ENETDOWN, 50},
    {ENETUNREACH, 51},     {ENETRESET, 52},     {ECONNABORTED, 53},     {ECONNRESET, 54},
    {ENOBUFS, 55},         {EISCONN, 56},       {ENOTCONN, 57},         {ESHUTDOWN, 58},
    {ETOOMANYREFS, 59},    {ETIMEDOUT, 60},     {ECONNREFUSED, 61},     {ELOOP, 62},
    {ENAMETOOLONG, 63},    {EHOSTDOWN, 64},     {EHOSTUNREACH, 65},     {ENOTEMPTY, 66},
    {EUSERS, 68},          {EDQUOT, 69},        {ESTALE, 70},           {EREMOTE, 71},
    {ENOLCK, 77},          {ENOSYS, 78},        {EOVERFLOW, 84},        {ECANCELED, 89},
    {EIDRM, 90},           {ENOMSG, 91},        {EILSEQ, 92},           {EBADMSG, 94},
    {ENODATA, 96},         {EPROTO, 100},       {ETIME, 101},           {ENOTRECOVERABLE, 104},
    {EOWNERDEAD, 105},     {EDEADLK, 11},
};

int to_darwin(int linux_errno) {
  for (size_t i = 0; i < sizeof(NUMBERS) / sizeof(*NUMBERS); i++)
    if (NUMBERS[i][0] == linux_errno) return NUMBERS[i][1];
  if (linux_errno <= ERANGE) return linux_errno;
  note("an error that Darwin has not", linux_errno);
  return EINVAL;
}

int64_t fail(int number) {
  darwin_errno = number;
  return -1;
}

int64_t done(int64_t result) {
  if (result < 0) darwin_errno = to_darwin(errno);
  return result;
}

void note(const char *what, int64_t value) {
  if (getenv("TWIN_LOG") != NULL) fprintf(stderr, "[twin] %s: 0x%lx\n", what, (long)value);
}

/* From 35 on; before, the texts are Linux's but for a few. */
static const char *const TEXTS[] = {
    "Resource temporarily unavailable", "Operation now in progress", "Operation already in progress",
    "Socket operation on non-socket", "Destination address required", "Message too long",
    "Protocol wrong type for socket", "Protocol not available", "Protocol not supported",
    "Socket type not supported", "Operation not supported", "Protocol family not supported",
    "Address family not supported by protocol family", "Address already in use",
    "Can't assign requested address", "Network is down", "Network is unreachable",
    "Network dropped connection on reset", "Software caused connection abort",
    "Connection reset by peer", "No buffer space available", "Socket is already connected",
    "Socket is not connected", "Can't send after socket shutdown",
    "Too many references: can't splice", "Operation timed out", "Connection refused",
    "Too many levels of symbolic links", "File name too long", "Host is down", "No route to host",
    "Directory not empty", "Too many processes", "Too many users", "Disc quota exceeded",
    "Stale NFS file handle", "Too many levels of remote in path", "RPC struct is bad",
    "RPC version wrong", "RPC prog. not avail", "Program version wrong", "Bad procedure for program",
    "No locks available", "Function not implemented", "Inappropriate file type or format",
    "Authentication error", "Need authenticator", "Device power is off", "Device error",
    "Value too large to be stored in data type", "Bad executable (or shared library)",
    "Bad CPU type in executable", "Shared library version mismatch", "Malformed Mach-o file",
    "Operation canceled", "Identifier removed", "No message of desired type",
    "Illegal byte sequence", "Attribute not found", "Bad message", "EMULTIHOP (Reserved)",
    "No message available on STREAM", "ENOLINK (Reserved)", "No STR resources", "Not a STREAM",
    "Protocol error", "STREAM ioctl timeout", "Operation not supported on socket",
    "Policy not found", "State not recoverable", "Previous owner died",
    "Interface output queue is full",
};

char *DARWIN(strerror)(int number) {
  static __thread char unknown[40];
  static const int COUNT = sizeof(TEXTS) / sizeof(*TEXTS);
  switch (number) {
    case 0: return "Undefined error: 0";
    case DARWIN_EDEADLK: return "Resource deadlock avoided";
    case ENXIO: return "Device not configured";
    case ENOMEM: return "Cannot allocate memory";
    case EBUSY: return "Resource busy";
    case EXDEV: return "Cross-device link";
    case ENODEV: return "Operation not supported by device";
    case ERANGE: return "Result too large";
  }
  if (number > 0 && number < 35) return strerror(number);
  if (number >= 35 && number < 35 + COUNT) return (char *)TEXTS[number - 35];
  snprintf(unknown, sizeof(unknown), "Unknown error: %d", number);
  return unknown;
}
