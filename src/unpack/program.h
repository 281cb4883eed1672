/* Inside kelp-unpack: what its files share. */
#pragma once

#include "spec/tar.h"
#include "unpack/process.h"

/* What goes back through the result pipe, once. */
typedef struct UnpackReport {
        int result; /* 0 or a negative errno; then @error */
        Error error;
        UnpackResult counts;
} UnpackReport;

/* The descriptors that the launcher puts in place. */
enum { UNPACK_INPUT_FD = 3, UNPACK_TARGET_FD = 4, UNPACK_REPORT_FD = 5 };

typedef struct Stream Stream;
/* Reads @fd, plain or compressed, as its first bytes tell. */
int stream_open(int fd, Stream **ret, Error *err);
/* The next piece, decompressed: 1 with *ret_data and *ret_length; 0 at the end; valid until the next call. */
int stream_read(Stream *stream, const uint8_t **ret_data, size_t *ret_length, Error *err);
Stream *stream_close(Stream *stream);
DEFINE_CLEANUP(Stream, stream_close)

/* After this the process can do nothing but read its input and change what is below @target. */
int confine_to(int target, Error *err);

/* A list that a layer makes as long as it likes: it goes to a file as it grows, and takes no memory. */
typedef struct Spill {
        Buffer buffer;
        int fd;
} Spill;

#define SPILL_INIT {.fd = -EBADF}

/* A tree that is being filled. */
typedef struct Tree {
        UnpackMode mode;
        bool single_id;
        int root;   /* the folder that the entries' paths begin at */
        int target; /* where "owners" goes */
        char parent_path[TAR_PATH_MAXIMUM];
        int parent;     /* the folder parent_path, of the last entry; -EBADF: none */
        char name[256]; /* of the entry in parent */
        int file;       /* the file whose content is being written; -EBADF: none */
        Spill owners;   /* lines "uid gid path" of entries whose owner is not mapped */
        Spill folders;  /* folders whose time is to be set at the end */
        UnpackResult *counts;
} Tree;

#define TREE_INIT                                                                                            \
        {.root = -EBADF, .parent = -EBADF, .file = -EBADF, .owners = SPILL_INIT, .folders = SPILL_INIT}

/* Makes the entry; a file's content follows by tree_write(), and tree_end() closes it. */
int tree_add(Tree *tree, const TarEntry *entry, Error *err);
int tree_write(Tree *tree, const void *data, size_t length, Error *err);
int tree_end(Tree *tree, const TarEntry *entry, Error *err);
/* What can only be done at the end: the folders' times, the list of owners. */
int tree_finish(Tree *tree, Error *err);
