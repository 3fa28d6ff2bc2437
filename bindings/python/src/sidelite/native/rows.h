/* Rows of a statement, and who waits for them. */

static rows *rows_new(link_object *l) {
  rows *r = (rows *)new_object(own.rows);
  if (!r) return NULL;
  Py_INCREF(l);
  r->link = l;
  r->changes = -1;
  r->last = &r->readers;
  r->blocks = r->few;
  r->size = 2;
  return r;
}

/* The queue that its events came to is gone, with its loop. */
static void rows_lose_sink(rows *r) {
  r->out = NULL;
  if (r->has_ended) return;
  r->has_ended = 1;
  r->is_lost = 1;
}

static void rows_settle(rows *r) {
  if (r->out && !r->readers && !r->begins) sink_let_go(r->out);
}

static int rows_push(rows *r, const sidelite_result *result) {
  if (r->count == r->size) {
    size_t size = 4 * r->size;
    const sidelite_result **blocks = (const sidelite_result **)malloc(size * sizeof *blocks);
    if (!blocks) return PyErr_NoMemory(), -1;
    for (size_t i = 0; i < r->count; i++) blocks[i] = r->blocks[(r->first + i) % r->size];
    if (r->blocks != r->few) free((void *)r->blocks);
    r->blocks = blocks;
    r->first = 0;
    r->size = size;
  }
  r->blocks[(r->first + r->count++) % r->size] = sidelite_keep(result);
  return 0;
}

/* A block that was read is credit for another. */
static void rows_pop(rows *r) {
  sidelite_release(r->blocks[r->first]);
  r->first = (r->first + 1) % r->size;
  r->count--;
  r->at = 0;
  if (r->out && r->out->id > 0) sidelite_more(r->link->conn, r->out->id, 1);
}

static void rows_drop(rows *r) {
  while (r->count) rows_pop(r);
}

/* Who reads all is not to wait for each chunk. */
static void rows_read_ahead(rows *r) {
  if (r->reads_ahead || !r->out || r->out->id <= 0) return;
  r->reads_ahead = 1;
  sidelite_more(r->link->conn, r->out->id, READ_AHEAD);
}

/* The next row; NULL without an error when none is there. A row that cannot be read stays the next. */
static PyObject *rows_next(rows *r) {
  reading how = {r->link->text_factory, r->converters};
  PyObject *row;
  if (!r->count) return NULL;
  row = decode_row(r->blocks[r->first], r->at, how);
  /* A factory may have read on by itself. */
  if (row && r->count && ++r->at >= r->blocks[r->first]->nrows) rows_pop(r);
  return row;
}

/* Adds rows to a list until it is as long as wanted. */
static int rows_fill(rows *r, PyObject *list, Py_ssize_t wanted) {
  while (r->count && (wanted < 0 || PyList_Size(list) < wanted)) {
    PyObject *row = rows_next(r);
    int failed = !row || PyList_Append(list, row);
    Py_XDECREF(row);
    if (failed) return -1;
  }
  return 0;
}

static PyObject *take_rows_error(rows *r) {
  PyObject *error = r->error;
  if (r->is_lost) {
    r->is_lost = 0;
    PyErr_SetString(own.operational_error, "the loop that the query was begun on is closed");
    return take_error();
  }
  r->error = NULL;
  return error;
}

/* Makes what a reader waits for. 1: `*value`, or the error that is raised; 0: it waits on. */
static int rows_serve(rows *r, Py_ssize_t wanted, PyObject **list, PyObject **value) {
  PyObject *error;
  *value = NULL;
  if (!r->has_begun && !r->has_ended) return 0;
  if (!wanted) {
    if ((*value = rows_next(r)) || PyErr_Occurred()) return 1;
  } else {
    if (!*list && !(*list = PyList_New(0))) return 1;
    if (rows_fill(r, *list, wanted)) return 1;
    if (wanted > 0 && PyList_Size(*list) >= wanted) return *value = *list, *list = NULL, 1;
  }
  if (!r->has_ended) return 0;
  if (wanted > 0 && PyList_Size(*list)) return *value = *list, *list = NULL, 1;
  if ((error = take_rows_error(r))) {
    raise_again(error);
    Py_DECREF(error);
    return 1;
  }
  if (wanted) return *value = *list, *list = NULL, 1;
  Py_INCREF(Py_None);
  *value = Py_None;
  return 1;
}

static void reader_free(reader *one) {
  Py_DECREF(one->w);
  Py_XDECREF(one->list);
  free(one);
}

/* Gives out what is there, in the order in which it was asked for. */
static int rows_serve_all(rows *r, turn *here, char verdict) {
  int failed = 0;
  while (r->readers && !failed) {
    reader *one = r->readers;
    PyObject *value;
    if (!rows_serve(r, one->wanted, &one->list, &value)) break;
    r->readers = one->next;
    if (!r->readers) r->last = &r->readers;
    one->w->verdict = verdict;
    failed = waiter_finish(one->w, value, NULL, here);
    reader_free(one);
  }
  return failed;
}

static int rows_end_beginning(rows *r, PyObject *error, char verdict, turn *here) {
  waiter *w = r->begins;
  PyObject *value = error ? NULL : r->value;
  int failed;
  r->begins = NULL;
  if (value) Py_INCREF(value);
  Py_CLEAR(r->value);
  w->verdict = verdict;
  failed = waiter_finish(w, value, error, here);
  Py_DECREF(w);
  return failed;
}

/* Nobody asks for the names of most results. */
static int rows_make_columns(rows *r) {
  const sidelite_result *head = r->head;
  if (!head) return 0;
  r->head = NULL;
  r->columns = decode_texts(head, head->names);
  r->types = r->columns ? decode_texts(head, head->types) : NULL;
  sidelite_release(head);
  return r->types ? 0 : -1;
}

static int rows_learn_columns(rows *r, const sidelite_result *result) {
  PyObject *done;
  if (r->has_columns || !result->ncols) return 0;
  r->has_columns = 1;
  r->head = sidelite_keep(result);
  if (result->bytes > HEAD_BYTES_MAX && rows_make_columns(r)) return -1;
  if (!r->link->begun) return 0;
  done = PyObject_CallFunctionObjArgs(r->link->begun, r, NULL);
  Py_XDECREF(done);
  return done ? 0 : -1;
}

static PyObject *rows_text(rows *r, PyObject *const *texts) {
  PyObject *value;
  if (rows_make_columns(r)) return NULL;
  value = *texts ? *texts : Py_None;
  Py_INCREF(value);
  return value;
}

static PyObject *rows_get_columns(PyObject *self, void *none) {
  (void)none;
  return rows_text((rows *)self, &((rows *)self)->columns);
}

static PyObject *rows_get_types(PyObject *self, void *none) {
  (void)none;
  return rows_text((rows *)self, &((rows *)self)->types);
}

static PyObject *rows_get_lastrowid(PyObject *self, void *none) {
  rows *r = (rows *)self;
  (void)none;
  if (!r->has_rowid) Py_RETURN_NONE;
  return PyLong_FromLongLong(r->last_rowid);
}

/* The facts of an event, before anybody is told. */
static int rows_learn(rows *r, const sidelite_event *event) {
  const sidelite_result *result = event->result;
  if (event->code) return 0;
  r->has_rowid = !r->is_nothing;
  r->last_rowid = event->last_insert_rowid;
  if (r->is_dml && !(event->flags & SIDELITE_EVENT_MORE)) r->changes = event->changes;
  if (!result || r->is_stopped) return 0;
  if (rows_learn_columns(r, result)) return -1;
  return result->nrows ? rows_push(r, result) : 0;
}

static int rows_on_event(rows *r, sink *s, const sidelite_event *event, turn *here) {
  int is_final = !(event->flags & SIDELITE_EVENT_MORE), failed;
  PyObject *error = NULL;
  char verdict = verdict_of(event);
  /* It was given up before its end. */
  if (r->has_ended && !is_final) return 0;
  if (event->code) error = error_of_event(event);
  if ((event->code && !error) || rows_learn(r, event)) {
    error = take_error();
    sink_cancel(s);
  }
  Py_INCREF(r);
  if (is_final) {
    sink_let_go(s);
    s->owner = NULL;
    r->out = NULL;
  }
  if (is_final || error) r->has_ended = 1;
  /* Of a statement that has failed before its first row nobody but who began it hears. */
  if (!r->has_begun && r->begins) {
    r->has_begun = !error;
    failed = rows_end_beginning(r, error, verdict, here);
  } else {
    r->has_begun = 1;
    failed = 0;
    if (error && !r->error && !r->is_stopped) r->error = error;
    else Py_XDECREF(error);
  }
  if (failed && r->readers) {
    PyObject *first = take_error();
    if (rows_serve_all(r, here, verdict)) PyErr_WriteUnraisable(NULL);
    raise_again(first);
    Py_DECREF(first);
  } else if (!failed) {
    failed = rows_serve_all(r, here, verdict);
  }
  if (!is_final) {
    /* A stream that nobody reads any more would stay paused, and its connection open. */
    if (r->is_stopped || (r->link->is_closing && !r->readers)) sink_cancel(s);
    rows_settle(r);
  }
  Py_DECREF(r);
  return failed;
}

/* Who waits for something of this request is not told of it any more: it will not run. Its memory stays until its
 * end. */
static void sink_forget(sink *s) {
  rows *r = (rows *)s->owner;
  waiter *begins;
  if (s->kind == FOR_WAITER) Py_CLEAR(s->owner);
  if (s->kind != FOR_ROWS || !r) return;
  Py_INCREF(r);
  sink_let_go(s);
  s->owner = NULL;
  r->out = NULL;
  r->has_ended = 1;
  begins = r->begins;
  r->begins = NULL;
  if (begins) begins->request = NULL;
  Py_XDECREF(begins);
  Py_CLEAR(r->value);
  if (rows_serve_all(r, NULL, NOT_RUN)) PyErr_WriteUnraisable((PyObject *)r);
  Py_DECREF(r);
}

/* A waiter for something of these rows, by whose cancel their request is cancelled. */
static waiter *rows_waiter(rows *r) {
  PyObject *loop = running_loop(), *routed = NULL;
  waiter *w = loop ? waiter_new(loop) : NULL;
  /* Their events may go to a queue whose loop is gone. */
  if (w && r->out && r->out->on && r->out->on->loop != loop) {
    routed = PyObject_CallFunctionObjArgs(own.route, r->out->on, loop, NULL);
    if (!routed) Py_CLEAR(w);
    Py_XDECREF(routed);
  }
  Py_XDECREF(loop);
  if (!w) return NULL;
  w->request = r->out;
  if (r->out) sink_hold(r->out);
  return w;
}

/* begin(value): waits until the statement has begun: it has its first rows, or is done. Ends with `value`. */
static PyObject *rows_begin(PyObject *self, PyObject *value) {
  rows *r = (rows *)self;
  waiter *w = rows_waiter(r);
  if (!w) return NULL;
  Py_INCREF(w);
  if (r->out) {
    Py_INCREF(value);
    SET(r->value, value);
    r->begins = w;
    return (PyObject *)w;
  }
  /* It was refused. */
  PyObject *error = take_rows_error(r);
  if (!error) Py_INCREF(value);
  int failed = waiter_finish(w, error ? NULL : value, error, NULL);
  Py_DECREF(w);
  if (failed) Py_CLEAR(w);
  return (PyObject *)w;
}

/* fetch(wanted): a list of so many rows, or of all (-1), or one row or None (0), if they are there; otherwise a waiter
 * for that. In the order of the calls. */
static PyObject *rows_fetch_rows(rows *r, Py_ssize_t wanted) {
  PyObject *value, *list = NULL;
  reader *one;
  if (!r->readers && rows_serve(r, wanted, &list, &value)) {
    Py_XDECREF(list);
    return value;
  }
  if (wanted < 0) rows_read_ahead(r);
  one = (reader *)calloc(1, sizeof *one);
  if (one) one->w = rows_waiter(r);
  if (!one || !one->w) {
    Py_XDECREF(list);
    free(one);
    return PyErr_Occurred() ? NULL : PyErr_NoMemory();
  }
  one->wanted = wanted;
  one->list = list;
  *r->last = one;
  r->last = &one->next;
  Py_INCREF(one->w);
  return (PyObject *)one->w;
}

static PyObject *rows_fetch(PyObject *self, PyObject *number) {
  Py_ssize_t wanted = PyLong_AsSsize_t(number);
  return wanted == -1 && PyErr_Occurred() ? NULL : rows_fetch_rows((rows *)self, wanted);
}

/* stop(): nobody reads on, but who waits already. True when its request is still out, so that there is an end to wait
 * for. One that has not begun yet does begin. */
static PyObject *rows_stop(PyObject *self, PyObject *none) {
  rows *r = (rows *)self;
  (void)none;
  r->is_stopped = 1;
  if (r->out && r->has_begun) sink_cancel(r->out);
  rows_drop(r);
  return PyBool_FromLong(r->out != NULL);
}

static PyObject *rows_get_rowcount(PyObject *self, void *none) {
  rows *r = (rows *)self;
  (void)none;
  /* Rows of a statement that changes some: as long as not all are read, the sqlite3 module has not counted. */
  if (r->is_dml && r->has_columns && r->count) return PyLong_FromLong(0);
  return PyLong_FromLongLong(r->changes);
}

static int rows_set_converters(PyObject *self, PyObject *value, void *none) {
  rows *r = (rows *)self;
  (void)none;
  if (value == Py_None) value = NULL;
  if (value && (!PyTuple_Check(value) || rows_make_columns(r) || !r->columns ||
                PyTuple_Size(value) != PyTuple_Size(r->columns) + 1)) {
    PyErr_SetString(PyExc_TypeError, "converters: a tuple of one for each column, and what makes bytes of a number");
    return -1;
  }
  Py_XINCREF(value);
  SET(r->converters, value);
  return 0;
}

static int rows_traverse(PyObject *self, visitproc visit, void *arg) {
  rows *r = (rows *)self;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT((PyObject *)r->link);
  Py_VISIT(r->converters);
  Py_VISIT(r->error);
  Py_VISIT(r->value);
  Py_VISIT((PyObject *)r->begins);
  for (reader *one = r->readers; one; one = one->next) {
    Py_VISIT((PyObject *)one->w);
    Py_VISIT(one->list);
  }
  return 0;
}

static int rows_clear(PyObject *self) {
  rows *r = (rows *)self;
  if (r->out) {
    sink_cancel(r->out);
    r->out->owner = NULL;
    r->out = NULL;
  }
  while (r->readers) {
    reader *one = r->readers;
    r->readers = one->next;
    one->w->request = NULL;
    reader_free(one);
  }
  r->last = &r->readers;
  if (r->begins) r->begins->request = NULL;
  Py_CLEAR(r->begins);
  Py_CLEAR(r->converters);
  Py_CLEAR(r->error);
  Py_CLEAR(r->value);
  return 0;
}

/* Never waits: what is still running is only told to stop. */
static void rows_dealloc(PyObject *self) {
  rows *r = (rows *)self;
  PyObject_GC_UnTrack(self);
  rows_clear(self);
  if (r->link) rows_drop(r);
  if (r->blocks != r->few) free((void *)r->blocks);
  Py_XDECREF(r->columns);
  Py_XDECREF(r->types);
  if (r->head) sidelite_release(r->head);
  Py_XDECREF(r->link);
  free_object(self);
}

static PyMethodDef rows_methods[] = {{"begin", rows_begin, METH_O, NULL},
                                     {"fetch", rows_fetch, METH_O, NULL},
                                     {"stop", rows_stop, METH_NOARGS, NULL},
                                     {NULL, NULL, 0, NULL}};

static PyGetSetDef rows_fields[] = {
    {"columns", rows_get_columns, NULL, NULL, NULL},       {"types", rows_get_types, NULL, NULL, NULL},
    {"lastrowid", rows_get_lastrowid, NULL, NULL, NULL},   {"rowcount", rows_get_rowcount, NULL, NULL, NULL},
    {"converters", NULL, rows_set_converters, NULL, NULL}, {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot rows_slots[] = {{Py_tp_dealloc, rows_dealloc}, {Py_tp_traverse, rows_traverse},
                                   {Py_tp_clear, rows_clear},     {Py_tp_methods, rows_methods},
                                   {Py_tp_getset, rows_fields},   {0, NULL}};

static PyType_Spec rows_spec = {"sidelite._native.Rows", sizeof(rows), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                rows_slots};
