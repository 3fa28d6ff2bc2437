/* An extension whose one function reads memory that was freed: proof that the sanitizer sees the like. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030a0000
#include <Python.h>
#include <stdlib.h>

/* Volatile, so that the compiler does not see what becomes of it. */
static char *volatile memory;

static PyObject *sing(PyObject *module, PyObject *none) {
  (void)module;
  (void)none;
  memory = (char *)calloc(64, 1);
  free(memory);
  return PyLong_FromLong(memory[5]);
}

static PyMethodDef methods[] = {{"sing", sing, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "canary", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_canary(void) { return PyModule_Create(&definition); }
