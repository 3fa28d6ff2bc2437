/* The crossing between Python and sidelite: few calls, each for many requests or events.
 *
 * Values are read from Python objects where they lie, and left there: a request holds its objects until its final
 * event, and so may submit them STATIC, without a copy. Rows are made from a result's block in one go. No Python runs
 * on a thread of sidelite's.
 *
 *   queue     what one event loop drains: requests go out as one turn of the loop has gathered them, events come in
 *             with one call for each wake
 *   link      a connection, as requests need it
 *   waiter    what a task waits for: it is to asyncio as a future is, with the difference that to cancel it is to
 *             cancel its request, whose end is waited for
 *   rows      what a statement has returned so far
 *   result    a call that begins when it is awaited
 *   sink      a request that is out, and who is told of its events; in memory of its own, since it must live until the
 *             final event, whoever else has gone
 */

/* One translation unit, so that nothing of it has a name outside; each part uses those before it. */
#include "native/types.h"
#include "native/waiters.h"
#include "native/queues.h"
#include "native/sql.h"
#include "native/encode.h"
#include "native/decode.h"
#include "native/rows.h"
#include "native/events.h"
#include "native/requests.h"
#include "native/many.h"
#include "native/links.h"
#include "native/results.h"
#include "native/cursors.h"

/* configure(error, adapt, route, lane, ended): what Python gives. */
static PyObject *configure(PyObject *module, PyObject *args) {
  PyObject *error, *adapt, *route, *lane, *ended;
  (void)module;
  if (!PyArg_ParseTuple(args, "OOOOO", &error, &adapt, &route, &lane, &ended)) return NULL;
  Py_INCREF(ended);
  SET(own.ended, ended);
  Py_INCREF(lane);
  SET(own.lane, lane);
  Py_INCREF(error);
  Py_INCREF(adapt);
  Py_INCREF(route);
  SET(own.error, error);
  SET(own.adapt, adapt);
  SET(own.route, route);
  Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"configure", configure, METH_VARARGS, NULL},
                                  {"call", (PyCFunction)(void (*)(void))call, METH_FASTCALL, NULL},
                                  {"open", open_link, METH_VARARGS, NULL},
                                  {"changes_rows", changes_rows, METH_O, NULL},
                                  {NULL, NULL, 0, NULL}};

/* An object of another module, for good. */
static PyObject *import(const char *module, const char *name) {
  PyObject *found = PyImport_ImportModule(module), *object = found ? PyObject_GetAttrString(found, name) : NULL;
  Py_XDECREF(found);
  return object;
}

static int make_words(void) {
  const struct {
    PyObject **at;
    const char *text;
  } words[] = {{&word.run, "run"},
               {&word.call_soon, "call_soon"},
               {&word.call_soon_threadsafe, "call_soon_threadsafe"},
               {&word.call_later, "call_later"},
               {&word.cancel, "cancel"},
               {&word.context, "context"},
               {&word.outcome, "outcome"},
               {&word.throw_, "throw"},
               {&word.close, "close"},
               {&word.chunk_size, "_iter_chunk_size"},
               {&word.row_factory, "_row_factory"},
               {&word.link, "_link"},
               {&word.active, "_active"}};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (!(*words[i].at = PyUnicode_InternFromString(words[i].text))) return -1;
  return 0;
}

static int make_types(PyObject *module) {
  const struct {
    PyTypeObject **at;
    PyType_Spec *spec;
    const char *name;
  } types[] = {{&own.queue, &queue_spec, "Queue"},    {&own.link, &link_spec, "Link"},
               {&own.waiter, &waiter_spec, "Waiter"}, {&own.rows, &rows_spec, "Rows"},
               {&own.result, &result_spec, "Result"}, {&own.chunk, &chunk_spec, "Chunk"},
               {&own.cursor, &cursor_spec, "Cursor"}};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    *types[i].at = (PyTypeObject *)PyType_FromSpec(types[i].spec);
    if (!*types[i].at) return -1;
    Py_INCREF(*types[i].at);
    if (PyModule_AddObject(module, types[i].name, (PyObject *)*types[i].at)) return -1;
  }
  return 0;
}

static int read_version(void) {
  PyObject *version = import("sys", "hexversion");
  own.python = version ? PyLong_AsUnsignedLong(version) : 0;
  Py_XDECREF(version);
  return PyErr_Occurred() ? -1 : 0;
}

static int import_all(void) {
  own.running_loop = import("asyncio", "_get_running_loop");
  own.cancelled_error = import("asyncio", "CancelledError");
  own.copy_context = import("contextvars", "copy_context");
  own.programming_error = import("sqlite3", "ProgrammingError");
  own.operational_error = import("sqlite3", "OperationalError");
  own.adapters = import("sqlite3", "adapters");
  own.protocol = import("sqlite3", "PrepareProtocol");
  own.names = PyDict_New();
  return own.running_loop && own.cancelled_error && own.copy_context && own.programming_error &&
                 own.operational_error && own.adapters && own.protocol && own.names
             ? 0
             : -1;
}

static int fill(PyObject *module) {
  if (own.queue) {
    PyErr_SetString(PyExc_ImportError, "sidelite is in another interpreter of this process already");
    return -1;
  }
  if (sidelite_abi_version() != SIDELITE_ABI_VERSION) {
    PyErr_SetString(PyExc_ImportError, "the library is of another version than this extension: build it again");
    return -1;
  }
  return make_words() || read_version() || import_all() || make_types(module) ||
                 PyModule_AddIntConstant(module, "CHUNK_ROWS", CHUNK_ROWS_MAX) ||
                 PyModule_AddStringConstant(module, "version", sidelite_version()) ||
                 PyModule_AddStringConstant(module, "sqlite_version", sidelite_sqlite_version())
             ? -1
             : 0;
}

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)fill}, {0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_native", NULL, 0, functions, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__native(void) { return PyModuleDef_Init(&definition); }
