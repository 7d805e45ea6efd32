/* A disk between SQLite and the file system, for the simulation of faults: it forgets, tears, fills up and refuses.
 *
 * Every file is a real file, so that whatever looks at it besides SQLite sees what a running machine would see. Beside
 * it the disk keeps what has reached the platter: what was synced. At a power cut each write since then is kept,
 * lost or torn at sectors of 512 bytes, as the disk's own random numbers say, and the file becomes that.
 *
 * SQLite's headers are not needed: the structures below are the part of its interface that it promises never to change
 * (https://sqlite.org/c3ref/vfs.html, https://sqlite.org/c3ref/io_methods.html).
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, FULL = 13, IOERR_WRITE = 10 | 3 << 8, IOERR_FSYNC = 10 | 4 << 8, IOERR = 10 };
enum { OPEN_MAIN_DB = 0x100, OPEN_WAL = 0x80000 };
enum { SECTOR = 512, MOST_FILES = 8, LONGEST_PATH = 512 };

typedef struct File File;
typedef struct Vfs Vfs;

typedef struct {
  int version;
  int (*close)(File *);
  int (*read)(File *, void *, int, int64_t);
  int (*write)(File *, const void *, int, int64_t);
  int (*truncate)(File *, int64_t);
  int (*sync)(File *, int);
  int (*size)(File *, int64_t *);
  int (*lock)(File *, int);
  int (*unlock)(File *, int);
  int (*check_reserved)(File *, int *);
  int (*control)(File *, int, void *);
  int (*sector_size)(File *);
  int (*characteristics)(File *);
  int (*shm_map)(File *, int, int, int, void volatile **);
  int (*shm_lock)(File *, int, int, int);
  void (*shm_barrier)(File *);
  int (*shm_unmap)(File *, int);
} Methods;

struct File {
  const Methods *methods;
};

struct Vfs {
  int version, file_bytes, longest_path;
  Vfs *next;
  const char *name;
  void *data;
  int (*open)(Vfs *, const char *, File *, int, int *);
  int (*remove)(Vfs *, const char *, int);
  int (*access)(Vfs *, const char *, int, int *);
  int (*full_path)(Vfs *, const char *, int, char *);
  void *(*dl_open)(Vfs *, const char *);
  void (*dl_error)(Vfs *, int, char *);
  void (*(*dl_symbol)(Vfs *, void *, const char *))(void);
  void (*dl_close)(Vfs *, void *);
  int (*randomness)(Vfs *, int, char *);
  int (*sleep)(Vfs *, int);
  int (*time)(Vfs *, double *);
  int (*last_error)(Vfs *, int, char *);
  int (*time_64)(Vfs *, int64_t *);
};

/* What is on the platter, and what was done to a file since. */

typedef struct Change {
  struct Change *next;
  int64_t offset; /* of a write; for a truncation the new size */
  int bytes;      /* -1: a truncation */
  unsigned char data[];
} Change;

typedef struct {
  char path[LONGEST_PATH];
  int exists;  /* its name is on the platter */
  int removed; /* it was deleted, and its directory was not synced since */
  unsigned char *data;
  int64_t size, room;
  Change *first, **last;
} Platter;

typedef struct {
  File file;
  Platter *platter;
  int generation; /* of the machine that opened it */
  File real[];
} Handle;

enum { WORKS, IS_FULL, REFUSES_WRITES, REFUSES_SYNCS };

static Vfs *base, disk;
static Platter platters[MOST_FILES];
static int files, generation, condition;
static int64_t operations, stop_at, room;
static int stop_after, stopped, is_off; /* is_off: no process runs that may touch a file */
static Platter *syncing;                /* of this file a sync has begun that is not known to have ended */
static char reserve[LONGEST_PATH];
static int64_t reserve_bytes;
static uint64_t dice;

static uint32_t roll(void) { /* xorshift64* */
  dice ^= dice >> 12, dice ^= dice << 25, dice ^= dice >> 27;
  return (uint32_t)((dice * 2685821657736338717ull) >> 32);
}

static void forget_changes(Platter *platter) {
  while (platter->first) {
    Change *change = platter->first;
    platter->first = change->next;
    free(change);
  }
  platter->last = &platter->first;
}

static void resize(Platter *platter, int64_t size) {
  if (size > platter->room) {
    platter->room = size * 2;
    platter->data = realloc(platter->data, (size_t)platter->room);
  }
  if (size > platter->size) memset(platter->data + platter->size, 0, (size_t)(size - platter->size));
  platter->size = size;
}

static void put(Platter *platter, int64_t offset, const unsigned char *data, int bytes) {
  if (offset + bytes > platter->size) resize(platter, offset + bytes);
  memcpy(platter->data + offset, data, (size_t)bytes);
}

static void note(Platter *platter, int64_t offset, const void *data, int bytes) {
  Change *change = malloc(sizeof *change + (bytes > 0 ? (size_t)bytes : 0));
  change->next = NULL, change->offset = offset, change->bytes = bytes;
  if (bytes > 0) memcpy(change->data, data, (size_t)bytes);
  *platter->last = change;
  platter->last = &change->next;
}

static void keep_all(Platter *platter) {
  for (Change *change = platter->first; change; change = change->next) {
    if (change->bytes < 0) resize(platter, change->offset);
    else put(platter, change->offset, change->data, change->bytes);
  }
  forget_changes(platter);
  platter->exists = 1;
}

static void keep_some(Platter *platter) {
  for (Change *change = platter->first; change; change = change->next) {
    switch (roll() % 3) {
      case 0: break;
      case 1:
        if (change->bytes < 0) resize(platter, change->offset);
        else put(platter, change->offset, change->data, change->bytes);
        break;
      default:
        for (int at = 0; at < change->bytes; at += SECTOR)
          if (roll() & 1)
            put(platter, change->offset + at, change->data + at, change->bytes - at < SECTOR ? change->bytes - at : SECTOR);
    }
  }
  if (platter->first && roll() & 1) platter->exists = 1; /* its name may have been written with them */
  forget_changes(platter);
}

static Platter *find(const char *path) {
  for (int i = 0; i < files; i++)
    if (!strcmp(platters[i].path, path)) return &platters[i];
  if (files == MOST_FILES) abort();
  Platter *platter = &platters[files++];
  memset(platter, 0, sizeof *platter);
  snprintf(platter->path, sizeof platter->path, "%s", path);
  platter->last = &platter->first;
  return platter;
}

/* What the machine is told. */

static int is_gone(const Handle *handle) { return stopped || handle->generation != generation; }

/* The sync that had begun has ended: what was written before it is on the platter. */
static void settle(void) {
  if (syncing) keep_all(syncing);
  syncing = NULL;
}

/* Until it is settled a sync is under way. A machine that stops after it has waited for it. */
static void begin_sync(Platter *platter) {
  syncing = platter;
  if (stopped) settle();
}

/* Count one operation; say whether the machine stops before it. `stop_after`: it stops when the operation is done.
 * Whoever asks for another operation has waited for the sync before it. */
static int stops(void) {
  settle();
  if (++operations != stop_at) return 0;
  stopped = 1;
  return !stop_after;
}

static int disk_close(File *file) {
  Handle *handle = (Handle *)file;
  return handle->real->methods->close(handle->real);
}

static int disk_read(File *file, void *data, int bytes, int64_t offset) {
  Handle *handle = (Handle *)file;
  return is_gone(handle) ? IOERR : handle->real->methods->read(handle->real, data, bytes, offset);
}

static int has_no_room_for(int64_t grows) {
  if (condition != IS_FULL || grows <= 0) return 0;
  if (grows > room + (access(reserve, F_OK) ? reserve_bytes : 0)) return 1;
  room -= grows;
  return 0;
}

static int has_no_room(Handle *handle, int bytes, int64_t offset) {
  int64_t size;
  return condition == IS_FULL && !handle->real->methods->size(handle->real, &size) && has_no_room_for(offset + bytes - size);
}

/* The kernel gives the pages up and calls them clean, or keeps them: nobody is told. */
static int refuses_sync(Platter *platter) {
  if (condition != REFUSES_SYNCS && condition != REFUSES_WRITES) return 0;
  if (roll() & 1) forget_changes(platter);
  return 1;
}

static int disk_write(File *file, const void *data, int bytes, int64_t offset) {
  Handle *handle = (Handle *)file;
  if (is_gone(handle) || stops()) return IOERR;
  if (condition == REFUSES_WRITES) return IOERR_WRITE;
  if (has_no_room(handle, bytes, offset)) return FULL;
  note(handle->platter, offset, data, bytes);
  return handle->real->methods->write(handle->real, data, bytes, offset);
}

static int disk_truncate(File *file, int64_t size) {
  Handle *handle = (Handle *)file;
  if (is_gone(handle) || stops()) return IOERR;
  if (condition == REFUSES_WRITES) return IOERR_WRITE;
  note(handle->platter, size, NULL, -1);
  return handle->real->methods->truncate(handle->real, size);
}

static int disk_sync(File *file, int flags) {
  Handle *handle = (Handle *)file;
  (void)flags;
  if (is_gone(handle) || stops()) return IOERR;
  if (refuses_sync(handle->platter)) return IOERR_FSYNC;
  begin_sync(handle->platter);
  return OK;
}

static int disk_size(File *file, int64_t *size) {
  Handle *handle = (Handle *)file;
  return is_gone(handle) ? IOERR : handle->real->methods->size(handle->real, size);
}

static int disk_lock(File *file, int kind) { return ((Handle *)file)->real->methods->lock(((Handle *)file)->real, kind); }
static int disk_unlock(File *file, int kind) { return ((Handle *)file)->real->methods->unlock(((Handle *)file)->real, kind); }

static int disk_check_reserved(File *file, int *answer) {
  return ((Handle *)file)->real->methods->check_reserved(((Handle *)file)->real, answer);
}

static int disk_control(File *file, int what, void *value) {
  return ((Handle *)file)->real->methods->control(((Handle *)file)->real, what, value);
}

static int disk_sector_size(File *file) { (void)file; return SECTOR; }

static int disk_characteristics(File *file) {
  return ((Handle *)file)->real->methods->characteristics(((Handle *)file)->real);
}

static int disk_shm_map(File *file, int region, int bytes, int extend, void volatile **place) {
  return ((Handle *)file)->real->methods->shm_map(((Handle *)file)->real, region, bytes, extend, place);
}

static int disk_shm_lock(File *file, int offset, int count, int flags) {
  return ((Handle *)file)->real->methods->shm_lock(((Handle *)file)->real, offset, count, flags);
}

static void disk_shm_barrier(File *file) { ((Handle *)file)->real->methods->shm_barrier(((Handle *)file)->real); }

static int disk_shm_unmap(File *file, int remove_it) {
  return ((Handle *)file)->real->methods->shm_unmap(((Handle *)file)->real, remove_it);
}

static const Methods methods = {
    2, disk_close, disk_read, disk_write, disk_truncate, disk_sync, disk_size, disk_lock, disk_unlock,
    disk_check_reserved, disk_control, disk_sector_size, disk_characteristics,
    disk_shm_map, disk_shm_lock, disk_shm_barrier, disk_shm_unmap};

static int disk_open(Vfs *vfs, const char *path, File *file, int flags, int *opened) {
  (void)vfs;
  if (!path || !(flags & (OPEN_MAIN_DB | OPEN_WAL))) return base->open(base, path, file, flags, opened);
  Handle *handle = (Handle *)file;
  memset(handle, 0, sizeof *handle);
  int code = base->open(base, path, handle->real, flags, opened);
  if (code != OK) return code;
  handle->platter = find(path);
  if (handle->platter->removed) {
    handle->platter->removed = 0, handle->platter->exists = 0, handle->platter->size = 0;
    forget_changes(handle->platter);
  }
  handle->generation = generation;
  handle->file.methods = &methods;
  return OK;
}

static int disk_remove(Vfs *vfs, const char *path, int sync_directory) {
  (void)vfs;
  if (is_off || stopped || stops() || condition == REFUSES_WRITES) return IOERR;
  int code = base->remove(base, path, sync_directory);
  if (code == OK) {
    Platter *platter = find(path);
    forget_changes(platter);
    platter->removed = !sync_directory;
    if (sync_directory) platter->exists = 0, platter->size = 0;
  }
  return code;
}

static int disk_access(Vfs *vfs, const char *path, int flags, int *answer) { (void)vfs; return base->access(base, path, flags, answer); }
static int disk_full_path(Vfs *vfs, const char *path, int bytes, char *full) { (void)vfs; return base->full_path(base, path, bytes, full); }

/* What the agent does with files of its own, without SQLite. The answer is 0 or an errno. */

int tillwire_write(const char *path, const void *data, int bytes, int64_t offset, int64_t size) {
  if (is_off || stopped || stops() || condition == REFUSES_WRITES) return EIO;
  if (has_no_room_for(offset + bytes - size)) return ENOSPC;
  note(find(path), offset, data, bytes);
  return 0;
}

int tillwire_sync(const char *path) {
  if (is_off || stopped || stops() || refuses_sync(find(path))) return EIO;
  begin_sync(find(path));
  return 0;
}

/* The reserve is allocated: real room, which has to be there beside the reserve itself. */
int tillwire_allocate(int64_t bytes) {
  if (is_off || stopped || stops() || condition == REFUSES_WRITES) return EIO;
  if (condition == IS_FULL && bytes > room) return ENOSPC;
  return 0;
}

/* The reserve is given up: a file system that has become read-only keeps it. */
int tillwire_remove(void) {
  return is_off || stopped || stops() || condition == REFUSES_WRITES ? EIO : 0;
}

/* What the simulation tells the disk. */

void *tillwire_disk(Vfs *real) {
  base = real;
  disk = *real;
  disk.version = disk.version < 2 ? disk.version : 2;
  disk.next = NULL;
  disk.name = "tillwire-faults";
  disk.file_bytes = (int)sizeof(Handle) + real->file_bytes;
  disk.open = disk_open;
  disk.remove = disk_remove;
  disk.access = disk_access;
  disk.full_path = disk_full_path;
  return &disk;
}

/* A new disk, on which nothing is yet but the files that are adopted. */
void tillwire_begin(uint64_t seed, const char *reserve_path, int64_t reserve_size) {
  for (int i = 0; i < files; i++) forget_changes(&platters[i]), free(platters[i].data);
  files = 0, syncing = NULL, operations = 0, stop_at = -1, stopped = 0, condition = WORKS, is_off = 0, dice = seed | 1;
  snprintf(reserve, sizeof reserve, "%s", reserve_path);
  reserve_bytes = reserve_size;
  generation++;
}

/* A file, as it stands, is on the platter. */
int tillwire_adopt(const char *path) {
  FILE *file = fopen(path, "rb");
  unsigned char page[65536];
  size_t bytes;
  if (!file) return -1;
  Platter *platter = find(path);
  forget_changes(platter);
  platter->size = 0, platter->removed = 0;
  while ((bytes = fread(page, 1, sizeof page, file)) > 0) put(platter, platter->size, page, (int)bytes);
  fclose(file);
  platter->exists = 1;
  return 0;
}

void tillwire_condition(int is, int64_t bytes_left) { condition = is, room = bytes_left; }

/* The machine stops at its nth operation from now: before it, or when it is done. */
void tillwire_stop_at(int64_t nth, int after) { stop_at = nth < 0 ? -1 : operations + nth, stop_after = after; }

int tillwire_stopped(void) { return stopped; }
int64_t tillwire_operations(void) { return operations; }

/* The last sync has ended, as far as one had begun. */
void tillwire_settle(void) { settle(); }
int tillwire_is_syncing(void) { return syncing != NULL; }

static void end_process(void) { generation++, is_off = 1, stopped = 0, stop_at = -1; }

/* The process is gone: what it still does reaches nothing. What it wrote stays, and a sync that it waits for ends. */
void tillwire_kill(void) {
  settle();
  end_process();
}

/* Another process begins; nothing that was planned for the one before befalls it. */
void tillwire_start(void) { is_off = 0, stopped = 0, stop_at = -1; }

/* The power is gone: of what was not synced, or is being synced, some stays. */
int tillwire_power_cut(void) {
  syncing = NULL;
  end_process();
  for (int i = 0; i < files; i++) {
    Platter *platter = &platters[i];
    keep_some(platter);
    if (platter->removed && roll() & 1) platter->exists = 0, platter->size = 0;
    platter->removed = 0;
    if (!platter->exists) {
      platter->size = 0;
      unlink(platter->path);
      continue;
    }
    FILE *file = fopen(platter->path, "wb");
    if (!file) return -1;
    size_t written = fwrite(platter->data, 1, (size_t)platter->size, file);
    if (fclose(file) || written != (size_t)platter->size) return -1;
  }
  return 0;
}
