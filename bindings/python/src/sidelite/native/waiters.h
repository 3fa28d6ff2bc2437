/* Waiters: futures whose cancel is that of a request. */

static int sink_cancel(sink *s);
static void sink_forget(sink *s);

static waiter *waiter_new(PyObject *loop) {
  waiter *w = (waiter *)new_object(own.waiter);
  if (!w) return NULL;
  Py_INCREF(loop);
  w->loop = loop;
  return w;
}

/* Tells one who waits. On the loop that is drained now (`here`) at once: no turn of the loop, and no handle, is spent
 * on it. Nothing of Python's is on the stack there that could be surprised. */
static int waiter_tell(waiter *w, PyObject *callback, PyObject *context, turn *here) {
  PyObject *done;
  if (here) {
    done = PyObject_CallMethodObjArgs(context, word.run, callback, w, NULL);
  } else {
    PyObject *method = PyObject_GetAttr(w->loop, word.call_soon_threadsafe);
    PyObject *positional = method ? PyTuple_Pack(2, callback, w) : NULL;
    PyObject *keywords = positional ? PyDict_New() : NULL;
    done = NULL;
    if (keywords && !PyDict_SetItem(keywords, word.context, context))
      done = PyObject_Call(method, positional, keywords);
    Py_XDECREF(method);
    Py_XDECREF(positional);
    Py_XDECREF(keywords);
    /* The loop is closed: nobody waits any more. */
    if (!done && PyErr_ExceptionMatches(PyExc_RuntimeError)) {
      PyErr_Clear();
      return 0;
    }
  }
  Py_XDECREF(done);
  return done ? 0 : -1;
}

static int waiter_wake(waiter *w, turn *here) {
  PyObject *callback = w->callback, *context = w->context, *more = w->more;
  int failed = 0;
  w->callback = w->context = w->more = NULL;
  if (callback) failed = waiter_tell(w, callback, context, here);
  for (Py_ssize_t i = 0; more && !failed && i < PyList_Size(more); i++) {
    PyObject *pair = PyList_GetItem(more, i);
    failed = waiter_tell(w, PyTuple_GetItem(pair, 0), PyTuple_GetItem(pair, 1), here);
  }
  Py_XDECREF(callback);
  Py_XDECREF(context);
  Py_XDECREF(more);
  return failed;
}

/* Puts off to tell one until the event is dealt with, and what it belongs to let go. */
static int waiter_put_off(waiter *w, turn *here) {
  if (here->n == here->size) {
    size_t size = here->size ? 2 * here->size : 16;
    waiter **ready = (waiter **)realloc((void *)here->ready, size * sizeof *ready);
    if (!ready) return PyErr_NoMemory(), -1;
    here->ready = ready;
    here->size = size;
  }
  Py_INCREF(w);
  here->ready[here->n++] = w;
  return 0;
}

static PyObject *cancelled(waiter *w) {
  static const char *const outcomes[] = {NULL, "not run", "aborted", "completed"};
  PyObject *error = w->message && w->message != Py_None
                        ? PyObject_CallFunctionObjArgs(own.cancelled_error, w->message, NULL)
                        : PyObject_CallNoArgs(own.cancelled_error);
  if (error && w->verdict) {
    PyObject *outcome = PyUnicode_FromString(outcomes[(int)w->verdict]);
    if (!outcome || PyObject_SetAttr(error, word.outcome, outcome)) PyErr_Clear();
    Py_XDECREF(outcome);
  }
  return error;
}

static PyObject *expired(waiter *w) {
  return PyObject_CallFunction(own.error, "isiiiI", SIDELITE_ERR_TIMEOUT, sidelite_status_string(SIDELITE_ERR_TIMEOUT),
                               0, -1, 0, w->verdict == NOT_RUN ? SIDELITE_EVENT_NOT_RUN : 0);
}

/* Ends the wait with a value or an error, which it takes over; without either with the error that is raised. */
static int waiter_finish(waiter *w, PyObject *value, PyObject *error, turn *here) {
  PyObject *timer = w->timer;
  if (!value && !error) error = take_error();
  w->request = NULL;
  w->timer = NULL;
  if (timer) {
    PyObject *done = PyObject_CallMethodObjArgs(timer, word.cancel, NULL);
    if (!done) PyErr_Clear();
    Py_XDECREF(done);
    Py_DECREF(timer);
  }
  if (w->is_done) {
    Py_XDECREF(value);
    Py_XDECREF(error);
    return 0;
  }
  w->is_done = 1;
  if (w->is_cancelled || (w->has_expired && w->verdict != COMPLETED)) {
    Py_XDECREF(value);
    Py_XDECREF(error);
    value = NULL;
    error = w->is_cancelled ? cancelled(w) : expired(w);
    if (!error) error = take_error();
  }
  w->value = value;
  w->error = error;
  if (!w->callback) return 0;
  return here && w->loop == here->loop ? waiter_put_off(w, here) : waiter_wake(w, NULL);
}

static PyObject *waiter_outcome(waiter *w) {
  if (!w->is_done) {
    PyErr_SetString(PyExc_RuntimeError, "the request has not ended");
    return NULL;
  }
  if (w->error) return raise_again(w->error);
  Py_INCREF(w->value);
  return w->value;
}

/* For who waits: what was waited for is his alone. */
static PyObject *waiter_take(waiter *w) {
  PyObject *value;
  if (!w->is_done || w->error) return waiter_outcome(w);
  value = w->value;
  Py_INCREF(Py_None);
  w->value = Py_None;
  return value;
}

static PyObject *waiter_result(PyObject *self, PyObject *none) {
  (void)none;
  return waiter_outcome((waiter *)self);
}

static int waiter_was_cancelled(waiter *w) { return w->is_done && w->is_cancelled; }

static PyObject *waiter_exception(PyObject *self, PyObject *none) {
  waiter *w = (waiter *)self;
  PyObject *error = w->error ? w->error : Py_None;
  (void)none;
  if (!w->is_done || waiter_was_cancelled(w)) return waiter_outcome(w);
  Py_INCREF(error);
  return error;
}

static PyObject *waiter_done(PyObject *self, PyObject *none) {
  (void)none;
  return PyBool_FromLong(((waiter *)self)->is_done);
}

static PyObject *waiter_cancelled(PyObject *self, PyObject *none) {
  (void)none;
  return PyBool_FromLong(waiter_was_cancelled((waiter *)self));
}

static PyObject *waiter_get_loop(PyObject *self, PyObject *none) {
  waiter *w = (waiter *)self;
  (void)none;
  Py_INCREF(w->loop);
  return w->loop;
}

/* Cancels its request; whether that will not run, so that there is no end to wait for. */
static int waiter_drops_request(waiter *w) {
  sink *s = w->request;
  if (!sink_cancel(s)) return 0;
  w->verdict = NOT_RUN;
  sink_forget(s);
  return 1;
}

/* The task that waits hears of it when the request has ended: it was not run, or all of it was undone, or it had been
 * done already. */
static PyObject *waiter_cancel(PyObject *self, PyObject *args, PyObject *keywords) {
  static char *names[] = {"msg", NULL};
  waiter *w = (waiter *)self;
  PyObject *message = NULL;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", names, &message)) return NULL;
  if (w->is_done) Py_RETURN_FALSE;
  w->is_cancelled = 1;
  Py_XINCREF(message);
  SET(w->message, message);
  if (!w->request ? w->detaches : waiter_drops_request(w)) {
    if (waiter_finish(w, NULL, cancelled(w), NULL)) return NULL;
  }
  Py_RETURN_TRUE;
}

/* Called by the loop's clock. */
static PyObject *waiter_expire(PyObject *self, PyObject *none) {
  waiter *w = (waiter *)self;
  (void)none;
  if (!w->is_done && w->request) {
    w->has_expired = 1;
    if (waiter_drops_request(w) && waiter_finish(w, NULL, expired(w), NULL)) return NULL;
  }
  Py_RETURN_NONE;
}

/* within(seconds): the waiter itself, whose request is cancelled when the time is up. */
static PyObject *waiter_within(PyObject *self, PyObject *seconds) {
  waiter *w = (waiter *)self;
  if (seconds != Py_None && !w->is_done) {
    PyObject *expire = PyObject_GetAttrString(self, "_expire");
    PyObject *timer = expire ? PyObject_CallMethodObjArgs(w->loop, word.call_later, seconds, expire, NULL) : NULL;
    Py_XDECREF(expire);
    if (!timer) {
      /* Nobody will wait for what was begun. */
      if (w->request) sink_cancel(w->request);
      return NULL;
    }
    SET(w->timer, timer);
  }
  Py_INCREF(self);
  return self;
}

/* add_done_callback(fn, *, context=None) */
static PyObject *waiter_add_done_callback(PyObject *self, PyObject *const *args, Py_ssize_t n, PyObject *names) {
  waiter *w = (waiter *)self;
  PyObject *callback = n ? args[0] : NULL, *context = names && PyTuple_Size(names) ? args[n] : Py_None, *pair;
  int failed;
  if (n != 1) return PyErr_SetString(PyExc_TypeError, "add_done_callback: one function"), NULL;
  if (context == Py_None) context = PyObject_CallNoArgs(own.copy_context);
  else Py_INCREF(context);
  if (!context) return NULL;
  if (w->is_done) {
    failed = waiter_tell(w, callback, context, NULL);
    Py_DECREF(context);
    if (failed) return NULL;
    Py_RETURN_NONE;
  }
  if (!w->callback) {
    Py_INCREF(callback);
    w->callback = callback;
    w->context = context;
    Py_RETURN_NONE;
  }
  pair = PyTuple_Pack(2, callback, context);
  Py_DECREF(context);
  if (!w->more) w->more = PyList_New(0);
  failed = !pair || !w->more || PyList_Append(w->more, pair);
  Py_XDECREF(pair);
  if (failed) return NULL;
  Py_RETURN_NONE;
}

static PyObject *waiter_remove_done_callback(PyObject *self, PyObject *callback) {
  waiter *w = (waiter *)self;
  long removed = 0;
  int same = w->callback ? PyObject_RichCompareBool(w->callback, callback, Py_EQ) : 0;
  if (same < 0) return NULL;
  if (same) {
    Py_CLEAR(w->callback);
    Py_CLEAR(w->context);
    removed++;
  }
  for (Py_ssize_t i = w->more ? PyList_Size(w->more) : 0; i-- > 0;) {
    same = PyObject_RichCompareBool(PyTuple_GetItem(PyList_GetItem(w->more, i), 0), callback, Py_EQ);
    if (same < 0 || (same && PyList_SetSlice(w->more, i, i + 1, NULL))) return NULL;
    removed += same;
  }
  return PyLong_FromLong(removed);
}

static PyObject *waiter_self(PyObject *self) {
  Py_INCREF(self);
  return self;
}

static void stop_with(PyObject *value) {
  /* A tuple or an exception would be taken for the arguments of StopIteration. */
  PyObject *stop = PyObject_CallFunctionObjArgs(PyExc_StopIteration, value, NULL);
  if (stop) PyErr_SetObject(PyExc_StopIteration, stop);
  Py_XDECREF(stop);
}

static PyObject *waiter_next(PyObject *self) {
  waiter *w = (waiter *)self;
  PyObject *value;
  if (!w->is_done) {
    w->is_blocking = 1;
    Py_INCREF(self);
    return self;
  }
  value = waiter_take(w);
  if (value) stop_with(value);
  Py_XDECREF(value);
  return NULL;
}

static PyObject *waiter_get_blocking(PyObject *self, void *none) {
  (void)none;
  return PyBool_FromLong(((waiter *)self)->is_blocking);
}

static int waiter_set_blocking(PyObject *self, PyObject *value, void *none) {
  int is_blocking = value ? PyObject_IsTrue(value) : 0;
  (void)none;
  if (is_blocking < 0) return -1;
  ((waiter *)self)->is_blocking = (char)is_blocking;
  return 0;
}

static int waiter_traverse(PyObject *self, visitproc visit, void *arg) {
  waiter *w = (waiter *)self;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(w->loop);
  Py_VISIT(w->callback);
  Py_VISIT(w->context);
  Py_VISIT(w->more);
  Py_VISIT(w->value);
  Py_VISIT(w->error);
  Py_VISIT(w->timer);
  return 0;
}

static int waiter_clear(PyObject *self) {
  waiter *w = (waiter *)self;
  Py_CLEAR(w->callback);
  Py_CLEAR(w->context);
  Py_CLEAR(w->more);
  Py_CLEAR(w->value);
  Py_CLEAR(w->error);
  Py_CLEAR(w->message);
  Py_CLEAR(w->timer);
  return 0;
}

static void waiter_dealloc(PyObject *self) {
  PyObject_GC_UnTrack(self);
  waiter_clear(self);
  Py_CLEAR(((waiter *)self)->loop);
  free_object(self);
}

static PyMethodDef waiter_methods[] = {
    {"result", waiter_result, METH_NOARGS, NULL},
    {"exception", waiter_exception, METH_NOARGS, NULL},
    {"done", waiter_done, METH_NOARGS, NULL},
    {"cancelled", waiter_cancelled, METH_NOARGS, NULL},
    {"get_loop", waiter_get_loop, METH_NOARGS, NULL},
    {"cancel", (PyCFunction)(void (*)(void))waiter_cancel, METH_VARARGS | METH_KEYWORDS, NULL},
    {"within", waiter_within, METH_O, NULL},
    {"_expire", waiter_expire, METH_NOARGS, NULL},
    {"add_done_callback", (PyCFunction)(void (*)(void))waiter_add_done_callback, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"remove_done_callback", waiter_remove_done_callback, METH_O, NULL},
    {NULL, NULL, 0, NULL}};

static PyGetSetDef waiter_fields[] = {
    {"_asyncio_future_blocking", waiter_get_blocking, waiter_set_blocking, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot waiter_slots[] = {
    {Py_tp_dealloc, waiter_dealloc}, {Py_tp_traverse, waiter_traverse}, {Py_tp_clear, waiter_clear},
    {Py_tp_methods, waiter_methods}, {Py_tp_getset, waiter_fields},     {Py_tp_iter, waiter_self},
    {Py_tp_iternext, waiter_next},   {Py_am_await, waiter_self},        {0, NULL}};

static PyType_Spec waiter_spec = {"sidelite._native.Waiter", sizeof(waiter), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  waiter_slots};
