/* What the parts of the extension share: its structs, and what Python gives it. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030a0000
#include <Python.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <structmember.h>

#include "sidelite.h"

/* As CPython's own, which the limited API lacks. */
#define SET(place, object)              \
  do {                                  \
    PyObject *old_ = (PyObject *)place; \
    place = object;                     \
    Py_XDECREF(old_);                   \
  } while (0)

enum {
  IMMUTABLE_TYPE = 1 << 8,  /* Py_TPFLAGS_IMMUTABLETYPE, which the limited API has not */
  EVENTS_MAX = 256,         /* taken in one drain */
  FEW_VALUES = 6,           /* for which a request needs no memory of its own */
  HEAD_BYTES_MAX = 1 << 16, /* of a result that is kept for its names */
  READ_AHEAD = 2,           /* chunks beyond the stream's window, when all rows are wanted */
  NUMBER_MAX = 32766,       /* of parameters in a statement */
  NAMES_MAX = 512,          /* statements whose parameters' names are remembered */
  LOOKS_MAX = 16,           /* in one drain, for what is out alone */
  FREE_MS = 2000            /* how long the end of a queue waits for a thread that does not answer */
};

/* What a request that is waited for ends with. */
enum {
  SHAPE_NONE,    /* None, or what was given */
  SHAPE_ROWS,    /* a list of rows */
  SHAPE_ROW,     /* the first row, or None */
  SHAPE_CELL,    /* its first cell */
  SHAPE_CHANGES, /* the number of rows changed */
  SHAPE_ID,      /* its own id */
  SHAPE_OUTCOME  /* names of columns, rows, changes, last rowid */
};

/* How much of a cancelled request was done. */
enum { NOT_CANCELLED, NOT_RUN, ABORTED, COMPLETED };

typedef struct queue queue;
typedef struct link link_object;
typedef struct waiter waiter;
typedef struct rows rows;
typedef struct sink sink;

enum { FOR_WAITER, FOR_ROWS, FOR_LISTENER };

struct sink {
  sink *next, **at; /* in the queue's list of those that are out */
  queue *on;        /* whose list that is, or NULL; not owned */
  link_object *link;
  int kind, shape;
  char is_cancelled, is_held;
  char lasts;      /* it has no end that anybody waits for */
  char recurs;     /* its final event is not the last: calls of a function follow */
  int64_t id;      /* 0 until it is submitted */
  PyObject *owner; /* a waiter or a listener; rows are owned while somebody waits for them: is_held */
  PyObject *value;
  /* What the request points to. */
  PyObject *sql, *objects, *more_objects;
  uint32_t group; /* so many requests from here on are one array; 0: this one alone */
  sidelite_request request;
  const char **names;
  sidelite_value *values, few[FEW_VALUES];
};

struct queue {
  PyObject_HEAD PyObject *weak;
  sidelite_queue *handle;
  PyObject *loop, *call_soon, *flusher;
  sink *out;
  sink **gathered;
  size_t n_out, n_gathered, size;
  char is_scheduled, has_sent;
  int draining;
  queue *next, **at; /* in the list of all */
};

static queue *queues;

/* A drain, and who is to be told on its loop, in order. */
typedef struct turn {
  queue *q;       /* NULL: none is on */
  PyObject *loop; /* not owned */
  waiter **ready;
  size_t n, size;
} turn;

/* That of this thread. It is not on the stack, since who is told may run on another: greenlets lay theirs over it. */
static _Thread_local turn this_turn;

struct link {
  PyObject_HEAD sidelite_conn *conn;
  queue *home;
  PyObject *text_factory; /* NULL: str */
  PyObject *begun;        /* NULL, or called with rows that have columns before anybody reads them */
  int64_t last_rowid;
  unsigned lanes; /* leases and calls that are open */
  char is_closing, in_transaction;
};

struct waiter {
  PyObject_HEAD PyObject *loop, *callback, *context, *more, *value, *error, *message, *timer;
  sink *request; /* what to cancel, or NULL; not owned */
  char is_done, is_blocking, is_cancelled, has_expired, detaches, verdict;
};

/* Who waits for rows: for so many, for all (-1), or for one by itself (0). */
typedef struct reader {
  struct reader *next;
  waiter *w;
  Py_ssize_t wanted;
  PyObject *list;
} reader;

struct rows {
  PyObject_HEAD sink *out; /* its request, until that has ended */
  link_object *link;
  const sidelite_result **blocks; /* kept, not yet read: a ring */
  size_t first, count, size;
  const sidelite_result *few[2];
  uint32_t at; /* the next row in the first block */
  char has_begun, has_ended, is_stopped, is_lost, is_dml, is_nothing, reads_ahead;
  int64_t changes;
  const sidelite_result *head; /* kept for the names of columns, until somebody asks */
  int64_t last_rowid;
  char has_rowid, has_columns;
  PyObject *columns, *types, *converters;
  PyObject *error; /* for who reads next */
  waiter *begins;
  PyObject *value; /* what the beginning ends with */
  reader *readers, **last;
};

static struct {
  PyTypeObject *queue, *link, *waiter, *rows, *result, *chunk, *cursor;
  PyObject *running_loop, *copy_context, *cancelled_error;
  PyObject *error; /* error(code, message, sqlite_code, sql_offset, system_errno, flags) */
  PyObject *adapt; /* adapt(value): what a value of no plain type is bound as */
  PyObject *route; /* route(queue, loop): the queue for what is asked for on a loop that does not drain this one */
  PyObject *lane;  /* lane(link): the lease or call that the running task is in, or 0 */
  PyObject *ended; /* ended(link, id): a request has, while calls or leases are open */
  PyObject *programming_error, *operational_error;
  PyObject *adapters, *protocol; /* sqlite3.adapters, and what its keys name beside the type */
  Py_ssize_t n_adapters;
  int adapts_all;       /* plain types have adapters, too */
  PyObject *names;      /* of statements' parameters */
  unsigned long python; /* the version that runs, as PY_VERSION_HEX */
} own = {.n_adapters = -1};

static struct {
  PyObject *run, *call_soon, *call_soon_threadsafe, *call_later, *cancel, *context, *outcome, *throw_, *close,
      *chunk_size, *row_factory, *link, *active;
} word;

static void raise_status(int64_t status) {
  PyObject *error = PyObject_CallFunction(own.error, "isiiiI", (int)status, sidelite_status_string((int32_t)status), 0,
                                          -1, 0, SIDELITE_EVENT_NOT_RUN);
  if (!error) return;
  PyErr_SetObject((PyObject *)Py_TYPE(error), error);
  Py_DECREF(error);
}

/* What is raised at the moment, as an object. */
static PyObject *take_error(void) {
  PyObject *type, *error, *trace;
  PyErr_Fetch(&type, &error, &trace);
  PyErr_NormalizeException(&type, &error, &trace);
  if (trace && error) PyException_SetTraceback(error, trace);
  Py_XDECREF(type);
  Py_XDECREF(trace);
  return error;
}

static PyObject *raise_again(PyObject *error) {
  PyErr_SetObject((PyObject *)Py_TYPE(error), error);
  return NULL;
}

/* All types here, and those that derive from them, are the garbage collector's. */
static PyObject *new_object(PyTypeObject *type) { return PyType_GenericAlloc(type, 0); }

static void free_object(PyObject *self) {
  PyTypeObject *type = Py_TYPE(self);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

/* The loop of this thread. asyncio makes a system call to tell it: who is told by a drain need not ask. */
static PyObject *running_loop(void) {
  PyObject *loop;
  if (this_turn.q && this_turn.loop != Py_None) {
    Py_INCREF(this_turn.loop);
    return this_turn.loop;
  }
  loop = PyObject_CallNoArgs(own.running_loop);
  if (loop && loop == Py_None) {
    Py_DECREF(loop);
    PyErr_SetString(PyExc_RuntimeError, "no running event loop");
    return NULL;
  }
  return loop;
}

/* The name of a type as CPython's C code has it: that of a type in C has its module with it. */
static PyObject *type_name(PyObject *object) {
  PyObject *type = (PyObject *)Py_TYPE(object), *module, *name = PyObject_GetAttrString(type, "__name__"), *full;
  unsigned long flags = PyType_GetFlags(Py_TYPE(object));
  /* Those that a class statement makes can be changed. */
  if (!name || ((flags & Py_TPFLAGS_HEAPTYPE) && !(flags & IMMUTABLE_TYPE))) return name;
  module = PyObject_GetAttrString(type, "__module__");
  if (!module || !PyUnicode_Check(module) || !PyUnicode_CompareWithASCIIString(module, "builtins")) {
    PyErr_Clear();
    Py_XDECREF(module);
    return name;
  }
  full = PyUnicode_FromFormat("%U.%U", module, name);
  Py_DECREF(module);
  Py_DECREF(name);
  return full;
}
