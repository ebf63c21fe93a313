/*
 * The floor of an import: what the processor and the kernel alone ask for it. Layers are hashed, inflated, hashed again
 * and written as files with their owners, modes and times, by one thread, without confinement, checks, a store or a record.
 *
 *   unpackfloor INTO LAYER.tar.gz...    unpacks the layers into directories INTO/0, INTO/1 ..., and syncs their file system
 *
 * It believes what it reads: only for archives the benchmark made itself. Needs libisal and libcrypto.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <isa-l.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { block = 512, window = 1 << 20 };

struct entry {
    char name[4096], target[4096];
    uint64_t size, mode, user, group, time;
    char kind;
};

static struct {
    int root, file;
    uint64_t remaining, padding; /* of the entry whose content is being read */
    struct entry entry;
    char note[65536];            /* content of a long name or a pax header, which belong to the entry that follows */
    size_t noted;
    char name[4096], target[4096];
} layer;

static void ended(const char *what) {
    fprintf(stderr, "unpackfloor: %s: %s: %s\n", what, layer.entry.name, strerror(errno));
    exit(1);
}

static uint64_t number(const char *field, size_t length) {
    uint64_t value = 0;
    if (field[0] & 0x80) {
        for (size_t i = 1; i < length; i++) value = value << 8 | (uint8_t)field[i];
        return value;
    }
    for (size_t i = 0; i < length && field[i]; i++)
        if (field[i] >= '0' && field[i] <= '7') value = value * 8 + (uint64_t)(field[i] - '0');
    return value;
}

static void read_header(const char *bytes) {
    struct entry *entry = &layer.entry;
    entry->kind = bytes[156] ? bytes[156] : '0';
    entry->mode = number(bytes + 100, 8), entry->user = number(bytes + 108, 8), entry->group = number(bytes + 116, 8);
    entry->size = number(bytes + 124, 12), entry->time = number(bytes + 136, 12);
    int prefixed = memcmp(bytes + 257, "ustar\0", 6) == 0 && bytes[345];
    snprintf(entry->name, sizeof entry->name, "%.*s%s%.100s", prefixed ? 155 : 0, bytes + 345, prefixed ? "/" : "", bytes);
    snprintf(entry->target, sizeof entry->target, "%.100s", bytes + 157);
    if (strchr("LKxg", entry->kind)) return;
    if (layer.name[0]) strcpy(entry->name, layer.name);
    if (layer.target[0]) strcpy(entry->target, layer.target);
    layer.name[0] = layer.target[0] = 0;
}

static void dress(int file) {
    struct timespec times[2] = { { (time_t)layer.entry.time, 0 }, { (time_t)layer.entry.time, 0 } };
    if (fchown(file, (uid_t)layer.entry.user, (gid_t)layer.entry.group) || fchmod(file, (mode_t)layer.entry.mode & 07777)
        || futimens(file, times)) ended("owner, mode, times");
}

/* A layer may leave out a directory that the layer below it has. */
static int create_file(const char *name) {
    for (;;) {
        int file = openat(layer.root, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (file >= 0 || errno != ENOENT) return file;
        char above[sizeof layer.entry.name];
        strcpy(above, name);
        for (char *slash = strchr(above, '/'); slash; slash = strchr(slash + 1, '/')) {
            *slash = 0;
            if (mkdirat(layer.root, above, 0755) && errno != EEXIST) return -1;
            *slash = '/';
        }
    }
}

static void begin_entry(void) {
    struct entry *entry = &layer.entry;
    layer.file = -1;
    if (strchr("LKxg", entry->kind)) { layer.noted = 0; return; }
    const char *name = entry->name[0] == '/' ? entry->name + 1 : entry->name;
    if (entry->kind == '5') {
        if (mkdirat(layer.root, name, 0700) && errno != EEXIST) ended("mkdirat");
        int directory = openat(layer.root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (directory < 0) ended("openat");
        dress(directory), close(directory);
    } else if (entry->kind == '2') {
        if (symlinkat(entry->target, layer.root, name)) ended("symlinkat");
        if (fchownat(layer.root, name, (uid_t)entry->user, (gid_t)entry->group, AT_SYMLINK_NOFOLLOW)) ended("fchownat");
    } else if (entry->kind == '1') {
        /* A target in the layer below would have to be copied up: there are two such in all, so it is left out. */
        if (linkat(layer.root, entry->target, layer.root, name, 0) && errno != ENOENT) ended("linkat");
        entry->size = 0;
    } else if (entry->kind == '0') {
        layer.file = create_file(name);
        if (layer.file < 0) ended("openat");
    }
}

static void copy_note(char *into) {
    if (layer.noted >= sizeof layer.name) errno = ENAMETOOLONG, ended("long name");
    memcpy(into, layer.note, layer.noted + 1);
}

/* A sparse file of GNU tar has a name of its own; its map and its pieces are written as they come. */
static void read_pax(void) {
    int sparse = 0;
    for (char *record = layer.note; record < layer.note + layer.noted;) {
        char *rest, *next;
        unsigned long length = strtoul(record, &rest, 10);
        if (length == 0) return;
        next = record + length, next[-1] = 0;
        if (strncmp(rest, " path=", 6) == 0 && !sparse) snprintf(layer.name, sizeof layer.name, "%s", rest + 6);
        if (strncmp(rest, " GNU.sparse.name=", 17) == 0) snprintf(layer.name, sizeof layer.name, "%s", rest + 17), sparse = 1;
        if (strncmp(rest, " linkpath=", 10) == 0) snprintf(layer.target, sizeof layer.target, "%s", rest + 10);
        record = next;
    }
}

static void end_entry(void) {
    layer.note[layer.noted] = 0;
    if (layer.entry.kind == 'L') copy_note(layer.name);
    if (layer.entry.kind == 'K') copy_note(layer.target);
    if (layer.entry.kind == 'x') read_pax();
    layer.noted = 0;
    if (layer.file >= 0) dress(layer.file), close(layer.file);
    layer.file = -1;
}

static void take(const char *bytes, size_t count) {
    if (layer.file >= 0) {
        for (size_t written = 0; written < count;) {
            ssize_t wrote = write(layer.file, bytes + written, count - written);
            if (wrote < 0) ended("write");
            written += (size_t)wrote;
        }
    } else if (strchr("LKx", layer.entry.kind) && layer.noted + count < sizeof layer.note) {
        memcpy(layer.note + layer.noted, bytes, count), layer.noted += count;
    }
}

/* Takes what it can of `bytes` and returns how much: the rest, less than a block, belongs before what comes next. */
static size_t consume(const char *bytes, size_t count) {
    size_t at = 0;
    while (at < count) {
        size_t left = count - at;
        if (layer.remaining) {
            size_t now = left < layer.remaining ? left : layer.remaining;
            take(bytes + at, now), at += now, layer.remaining -= now;
            if (!layer.remaining) end_entry();
        } else if (layer.padding) {
            size_t now = left < layer.padding ? left : layer.padding;
            at += now, layer.padding -= now;
        } else if (left < block) {
            break;
        } else {
            if (bytes[at]) {
                read_header(bytes + at), begin_entry();
                layer.remaining = layer.entry.size, layer.padding = (block - layer.entry.size % block) % block;
                if (!layer.remaining) end_entry();
            }
            at += block;
        }
    }
    return at;
}

static void unpack(const char *path) {
    static uint8_t plain[window + block];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (file < 0 || fstat(file, &status)) ended(path);
    uint8_t *packed = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, file, 0);
    if (packed == MAP_FAILED) ended("mmap");
    uint8_t digest[EVP_MAX_MD_SIZE];
    if (!EVP_Digest(packed, (size_t)status.st_size, digest, NULL, EVP_sha256(), NULL)) ended("SHA-256");

    static struct inflate_state state;
    isal_inflate_init(&state);
    state.crc_flag = ISAL_GZIP, state.next_in = packed, state.avail_in = (uint32_t)status.st_size;
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    EVP_DigestInit(hash, EVP_sha256());
    size_t kept = 0;
    while (state.block_state != ISAL_BLOCK_FINISH) {
        state.next_out = plain + kept, state.avail_out = window;
        if (isal_inflate(&state) != ISAL_DECOMP_OK) errno = EINVAL, ended("inflate");
        size_t made = window - state.avail_out;
        EVP_DigestUpdate(hash, plain + kept, made);
        size_t used = consume((char *)plain, kept + made);
        kept = kept + made - used;
        memmove(plain, plain + used, kept);
    }
    EVP_DigestFinal(hash, digest, NULL);
    EVP_MD_CTX_free(hash), munmap(packed, (size_t)status.st_size), close(file);
}

int main(int count, char **arguments) {
    umask(0);
    for (int i = 2; i < count; i++) {
        char place[4096];
        snprintf(place, sizeof place, "%s/%d", arguments[1], i - 2);
        if (mkdir(place, 0755)) ended(place);
        memset(&layer, 0, sizeof layer), layer.file = -1;
        layer.root = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (layer.root < 0) ended(place);
        unpack(arguments[i]);
        if (i == count - 1) syncfs(layer.root);
        close(layer.root);
    }
    return count < 3;
}
