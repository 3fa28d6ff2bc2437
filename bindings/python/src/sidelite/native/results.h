/* Results: calls that begin when they are awaited. */

static PyObject *cursor_begin(PyObject *self, PyObject *const *args, Py_ssize_t n);

/* A call that begins when it is awaited: start(a, b, c) gives a waiter, or anything else that can be sent to. */
typedef struct result {
  PyObject_HEAD PyObject *name, *start, *arguments[3], *inner, *value;
  char state;
} result;

enum { OVER, FRESH, RUNNING };

/* call(type, name, start, a, b, c, keep=None): a result of this type. No arguments are packed and unpacked for it.
 * Until its end it keeps an object from going. */
static PyObject *call(PyObject *module, PyObject *const *args, Py_ssize_t n) {
  result *r;
  (void)module;
  if (n < 6 || n > 7 || !PyType_Check(args[0]) || !PyType_IsSubtype((PyTypeObject *)args[0], own.result)) {
    PyErr_SetString(PyExc_TypeError, "call: a type of results, a name, a function and three arguments");
    return NULL;
  }
  r = (result *)new_object((PyTypeObject *)args[0]);
  if (!r) return NULL;
  for (Py_ssize_t i = 1; i < n; i++) Py_INCREF(args[i]);
  r->name = args[1];
  r->start = args[2];
  for (int i = 0; i < 3; i++) r->arguments[i] = args[3 + i];
  r->value = n > 6 ? args[6] : NULL;
  r->state = FRESH;
  return (PyObject *)r;
}

static void result_end(result *r) {
  r->state = OVER;
  Py_CLEAR(r->start);
  for (int i = 0; i < 3; i++) Py_CLEAR(r->arguments[i]);
  Py_CLEAR(r->inner);
}

/* A cursor or a link as the function means its execution, or its fetch_all. */
static PyObject *result_start(result *r) {
  if (Py_TYPE(r->start) == own.link) return link_fetch_all(r->start, r->arguments, 3);
  if (PyType_IsSubtype(Py_TYPE(r->start), own.cursor)) return cursor_begin(r->start, r->arguments, 3);
  return PyObject_CallFunctionObjArgs(r->start, r->arguments[0], r->arguments[1], r->arguments[2], NULL);
}

/* PYGEN_NEXT: `*out` is what is waited for; PYGEN_RETURN: the value; PYGEN_ERROR: an error is raised. */
static PySendResult result_step(result *r, PyObject *sent, PyObject **out) {
  PySendResult status;
  PyObject *inner;
  *out = NULL;
  if (r->state == OVER) {
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return PYGEN_ERROR;
  }
  if (r->state == FRESH) {
    if (sent != Py_None) {
      PyErr_SetString(PyExc_TypeError, "can't send non-None value to a just-started coroutine");
      return PYGEN_ERROR;
    }
    r->state = RUNNING;
    r->inner = result_start(r);
    if (!r->inner) return result_end(r), PYGEN_ERROR;
  }
  inner = r->inner;
  Py_INCREF(inner);
  if (Py_TYPE(inner) == own.waiter) {
    waiter *w = (waiter *)inner;
    if (!w->is_done) {
      w->is_blocking = 1;
      *out = inner;
      return PYGEN_NEXT;
    }
    *out = waiter_take(w);
    status = *out ? PYGEN_RETURN : PYGEN_ERROR;
  } else {
    status = PyIter_Send(inner, sent, out);
  }
  Py_DECREF(inner);
  if (status == PYGEN_NEXT) return status;
  if (status == PYGEN_RETURN) {
    Py_INCREF(*out);
    SET(r->value, *out);
  }
  result_end(r);
  return status;
}

static PyObject *result_sent(result *r, PyObject *sent) {
  PyObject *out;
  switch (result_step(r, sent, &out)) {
    case PYGEN_NEXT: return out;
    case PYGEN_RETURN:
      stop_with(out);
      Py_DECREF(out);
      return NULL;
    default: return NULL;
  }
}

static PyObject *result_next(PyObject *self) { return result_sent((result *)self, Py_None); }

static PyObject *result_send(PyObject *self, PyObject *sent) { return result_sent((result *)self, sent); }

static PySendResult result_am_send(PyObject *self, PyObject *sent, PyObject **out) {
  return result_step((result *)self, sent, out);
}

/* What was begun is not left running when nobody waits for it any more. */
static void result_give_up(result *r) {
  if (r->inner && Py_TYPE(r->inner) == own.waiter && ((waiter *)r->inner)->request)
    sink_cancel(((waiter *)r->inner)->request);
  result_end(r);
}

static PyObject *raise_thrown(PyObject *type, PyObject *value, PyObject *trace) {
  if (PyExceptionInstance_Check(type)) {
    if (trace && trace != Py_None) PyException_SetTraceback(type, trace);
    return raise_again(type);
  }
  if (value && PyExceptionInstance_Check(value)) {
    if (trace && trace != Py_None) PyException_SetTraceback(value, trace);
    return raise_again(value);
  }
  if (!PyExceptionClass_Check(type)) {
    PyErr_SetString(PyExc_TypeError, "exceptions must be classes or instances deriving from BaseException");
    return NULL;
  }
  PyErr_SetObject(type, value == Py_None ? NULL : value);
  return NULL;
}

static PyObject *result_throw(PyObject *self, PyObject *args) {
  result *r = (result *)self;
  PyObject *type, *value = NULL, *trace = NULL, *inner, *yielded;
  if (!PyArg_ParseTuple(args, "O|OO", &type, &value, &trace)) return NULL;
  if (r->state == OVER) {
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return NULL;
  }
  if (r->state == FRESH || Py_TYPE(r->inner) == own.waiter) {
    result_give_up(r);
    return raise_thrown(type, value, trace);
  }
  inner = r->inner;
  Py_INCREF(inner);
  yielded = PyObject_GetAttr(inner, word.throw_);
  if (yielded) {
    PyObject *method = yielded;
    yielded = PyObject_Call(method, args, NULL);
    Py_DECREF(method);
  }
  Py_DECREF(inner);
  if (!yielded) {
    PyObject *error_type, *error, *error_trace, *stopped;
    PyErr_Fetch(&error_type, &error, &error_trace);
    if (error_type && PyErr_GivenExceptionMatches(error_type, PyExc_StopIteration)) {
      PyErr_NormalizeException(&error_type, &error, &error_trace);
      stopped = error ? PyObject_GetAttrString(error, "value") : NULL;
      SET(r->value, stopped);
    }
    PyErr_Restore(error_type, error, error_trace);
    result_end(r);
  }
  return yielded;
}

static PyObject *result_close(PyObject *self, PyObject *none) {
  result *r = (result *)self;
  PyObject *done = NULL;
  (void)none;
  if (r->state == RUNNING && r->inner && Py_TYPE(r->inner) != own.waiter) {
    done = PyObject_CallMethodObjArgs(r->inner, word.close, NULL);
    result_end(r);
    if (!done) return NULL;
    Py_DECREF(done);
    Py_RETURN_NONE;
  }
  result_give_up(r);
  Py_RETURN_NONE;
}

static int result_traverse(PyObject *self, visitproc visit, void *arg) {
  result *r = (result *)self;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(r->start);
  for (int i = 0; i < 3; i++) Py_VISIT(r->arguments[i]);
  Py_VISIT(r->inner);
  Py_VISIT(r->value);
  return 0;
}

static int result_clear(PyObject *self) {
  result *r = (result *)self;
  Py_CLEAR(r->start);
  for (int i = 0; i < 3; i++) Py_CLEAR(r->arguments[i]);
  Py_CLEAR(r->inner);
  Py_CLEAR(r->value);
  return 0;
}

/* As of a coroutine. */
static void warn_of_unawaited(PyObject *name) {
  PyObject *type, *error, *trace;
  PyErr_Fetch(&type, &error, &trace);
  if (PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine '%S' was never awaited", name)) PyErr_WriteUnraisable(name);
  PyErr_Restore(type, error, trace);
}

static void result_dealloc(PyObject *self) {
  result *r = (result *)self;
  PyObject_GC_UnTrack(self);
  if (r->state == FRESH) warn_of_unawaited(r->name);
  result_clear(self);
  Py_CLEAR(((result *)self)->name);
  free_object(self);
}

static PyMethodDef result_methods[] = {
    {"send", result_send, METH_O, "Runs on to the next wait, as a coroutine does."},
    {"throw", result_throw, METH_VARARGS, "Raises an exception where it waits, as a coroutine does."},
    {"close", result_close, METH_NOARGS, "Ends it; what was begun is cancelled."},
    {"__class_getitem__", (PyCFunction)(void (*)(void))Py_GenericAlias, METH_O | METH_CLASS, NULL},
    {NULL, NULL, 0, NULL}};

static PyMemberDef result_members[] = {{"_value", T_OBJECT, offsetof(result, value), READONLY, NULL},
                                       {NULL, 0, 0, 0, NULL}};

static PyType_Slot result_slots[] = {{Py_tp_dealloc, result_dealloc},      {Py_tp_traverse, result_traverse},
                                     {Py_tp_clear, result_clear},          {Py_tp_methods, result_methods},
                                     {Py_tp_members, result_members},      {Py_tp_iter, waiter_self},
                                     {Py_tp_iternext, result_next},        {Py_am_await, waiter_self},
                                     {Py_am_send, (void *)result_am_send}, {0, NULL}};

static PyType_Spec result_spec = {"sidelite._native.Result", sizeof(result), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE, result_slots};
