/* Requests of a link. */

/* The queue for a request that is made now; NULL when it cannot be made. Borrowed. */
static queue *queue_here(link_object *l) {
  PyObject *loop, *found;
  if (!l->conn || l->is_closing) return raise_status(SIDELITE_ERR_CLOSED), NULL;
  loop = running_loop();
  if (!loop) return NULL;
  if (l->home->loop == loop) {
    Py_DECREF(loop);
    return l->home;
  }
  found = PyObject_CallFunctionObjArgs(own.route, l->home, loop, NULL);
  Py_DECREF(loop);
  if (!found) return NULL;
  /* It lives as long as its loop. */
  Py_DECREF(found);
  if (Py_TYPE(found) == own.queue) return (queue *)found;
  PyErr_SetString(PyExc_TypeError, "route: a queue");
  return NULL;
}

/* Sends a request with a waiter, which it returns; its sink is freed on failure. */
static PyObject *send_waiter(queue *q, sink *s, waiter *w) {
  Py_INCREF(w);
  if (!queue_submit(q, &s, 1)) return (PyObject *)w;
  Py_DECREF(w);
  sink_free(s);
  return NULL;
}

static waiter *waiter_here(void) {
  PyObject *loop = running_loop();
  waiter *w = loop ? waiter_new(loop) : NULL;
  Py_XDECREF(loop);
  return w;
}

static int read_int64(PyObject *object, int64_t *out) {
  long long value = PyLong_AsLongLong(object);
  if (value == -1 && PyErr_Occurred()) return -1;
  *out = value;
  return 0;
}

/* The lane of a request of this task. Most connections have none open. */
static int lane_here(link_object *l, int64_t *lane) {
  PyObject *number;
  int failed;
  *lane = 0;
  if (!l->lanes) return 0;
  number = PyObject_CallFunctionObjArgs(own.lane, l, NULL);
  failed = !number || read_int64(number, lane);
  Py_XDECREF(number);
  return failed ? -1 : 0;
}

/* Runs one statement; its rows. What changes rows runs to its end at once. */
static rows *link_run(link_object *l, PyObject *sql, PyObject *parameters) {
  queue *q = queue_here(l);
  int64_t lane;
  const char *text;
  rows *r;
  sink *s;
  if (!q || lane_here(l, &lane) || !(r = rows_new(l))) return NULL;
  s = sink_new(l, FOR_ROWS, (PyObject *)r);
  if (!s) return Py_DECREF(r), NULL;
  r->out = s;
  text = encode_sql(s, sql);
  if (!text || encode_parameters(s, text, parameters)) goto failed;
  r->is_dml = (char)is_dml(text);
  r->is_nothing = (char)is_nothing(text);
  s->request.kind = r->is_dml ? SIDELITE_FETCH : SIDELITE_STREAM;
  s->request.flags = SIDELITE_STATIC;
  s->request.lane = lane;
  if (!queue_submit(q, &s, 1)) return r;
failed:
  sink_free(s);
  Py_DECREF(r);
  return NULL;
}

/* execute(sql, parameters): runs one statement; its rows. */
static PyObject *link_execute(PyObject *self, PyObject *const *args, Py_ssize_t n) {
  if (n != 2) return PyErr_SetString(PyExc_TypeError, "execute: sql, parameters"), NULL;
  return (PyObject *)link_run((link_object *)self, args[0], args[1]);
}

/* A waiter with a time limit, which it takes over; None for none. */
static PyObject *within(PyObject *w, PyObject *seconds) {
  PyObject *limited;
  if (seconds == Py_None || !w) return w;
  limited = waiter_within(w, seconds);
  Py_DECREF(w);
  return limited;
}

/* fetch_all(sql, parameters, timeout): runs one statement; a waiter for all its rows. */
static PyObject *link_fetch_all(PyObject *self, PyObject *const *args, Py_ssize_t n) {
  rows *r;
  PyObject *all;
  if (n != 3) return PyErr_SetString(PyExc_TypeError, "fetch_all: sql, parameters, timeout"), NULL;
  r = link_run((link_object *)self, args[0], args[1]);
  if (!r) return NULL;
  all = rows_fetch_rows(r, -1);
  Py_DECREF(r);
  return within(all, args[2]);
}

static sink *command_sink(link_object *l, PyObject *args, PyObject *keywords, waiter *w) {
  static char *names[] = {"kind", "sql", "values", "shape", "lane", "value", "flags", NULL};
  PyObject *sql = Py_None, *values = NULL, *value = NULL;
  unsigned kind, flags = 0;
  int shape = SHAPE_NONE;
  long long lane = -1;
  int64_t here;
  const char *text = NULL;
  sink *s;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "I|OOiLOI", names, &kind, &sql, &values, &shape, &lane, &value,
                                   &flags))
    return NULL;
  here = lane;
  if (lane < 0 && lane_here(l, &here)) return NULL;
  s = sink_new(l, FOR_WAITER, (PyObject *)w);
  if (!s) return NULL;
  s->shape = shape;
  Py_XINCREF(value);
  s->value = value;
  s->request.kind = kind;
  s->request.flags = flags | SIDELITE_STATIC;
  s->request.lane = here;
  if (sql != Py_None) {
    text = encode_sql(s, sql);
    if (!text) return sink_free(s), NULL;
  }
  if (values && values != Py_None && encode_parameters(s, text ? text : "", values)) return sink_free(s), NULL;
  return s;
}

/* command(kind, sql=None, values=None, shape=NONE, lane=-1, value=None, flags=0): any request that has one end. For
 * events before that, `value` is called with their rows. Without a lane it is that of the task. */
static PyObject *link_command(PyObject *self, PyObject *args, PyObject *keywords) {
  link_object *l = (link_object *)self;
  queue *q = queue_here(l);
  waiter *w = q ? waiter_here() : NULL;
  sink *s = w ? command_sink(l, args, keywords, w) : NULL;
  PyObject *sent = s ? send_waiter(q, s, w) : NULL;
  Py_XDECREF(w);
  return sent;
}

/* array(commands): requests, each a dict of the arguments of `command`, which stay together; a list of waiters. With
 * ATOMIC in the flags of the first they are one transaction. */
static PyObject *link_array(PyObject *self, PyObject *commands) {
  link_object *l = (link_object *)self;
  queue *q = queue_here(l);
  Py_ssize_t n = q ? PyList_Size(commands) : -1, made = 0;
  sink **sinks;
  PyObject *waiters, *nothing;
  if (n < 0) return NULL;
  if (!n) return PyList_New(0);
  sinks = (sink **)calloc((size_t)n, sizeof *sinks);
  waiters = PyList_New(n);
  nothing = PyTuple_New(0);
  if (!sinks || !waiters || !nothing) {
    PyErr_NoMemory();
    goto failed;
  }
  for (; made < n; made++) {
    waiter *w = waiter_here();
    sinks[made] = w ? command_sink(l, nothing, PyList_GetItem(commands, made), w) : NULL;
    if (!sinks[made]) {
      Py_XDECREF(w);
      goto failed;
    }
    PyList_SetItem(waiters, made, (PyObject *)w);
  }
  if (queue_submit(q, sinks, (uint32_t)n)) goto failed;
  free((void *)sinks);
  Py_DECREF(nothing);
  return waiters;
failed:
  while (made-- > 0) sink_free(sinks[made]);
  free((void *)sinks);
  Py_XDECREF(waiters);
  Py_XDECREF(nothing);
  return NULL;
}

/* observe(listener, kind, values): a request with events until it is cancelled, or the connection closed; its id.
 * listener(id, flags, code, changes, last_insert_rowid, rows, error). */
static PyObject *link_observe(PyObject *self, PyObject *args) {
  link_object *l = (link_object *)self;
  PyObject *listener, *values;
  unsigned kind;
  queue *q;
  sink *s;
  if (!PyArg_ParseTuple(args, "OIO", &listener, &kind, &values)) return NULL;
  q = queue_here(l);
  if (!q || queue_flush(q)) return NULL;
  s = sink_new(l, FOR_LISTENER, listener);
  if (!s) return NULL;
  s->request.kind = kind;
  s->request.flags = SIDELITE_STATIC;
  if (q != l->home) s->request.reply_to = q->handle;
  s->lasts = 1;
  if (encode_parameters(s, "", values)) return sink_free(s), NULL;
  if (!submit_array(&s, 1)) return raise_status(s->id), sink_free(s), NULL;
  queue_adopt(q, s);
  return PyLong_FromLongLong(s->id);
}

/* create_function(listener, kind, flags, n_args, name): the id of the registration. Its end and the calls go to
 * `listener`, which is kept until the connection is closed, or `forget(listener)`. */
static PyObject *link_create_function(PyObject *self, PyObject *args) {
  link_object *l = (link_object *)self;
  sidelite_function_config config;
  PyObject *listener;
  int64_t id;
  sink *s;
  queue *q;
  memset(&config, 0, sizeof config);
  config.struct_size = sizeof config;
  if (!PyArg_ParseTuple(args, "OIIiz", &listener, &config.kind, &config.flags, &config.n_args, &config.name))
    return NULL;
  q = queue_here(l);
  /* What was gathered before comes first. */
  if (!q || queue_flush(q) || queue_flush(l->home)) return NULL;
  s = sink_new(l, FOR_LISTENER, listener);
  if (!s) return NULL;
  s->lasts = s->recurs = 1;
  id = sidelite_create_function(l->conn, &config, NULL, s);
  if (id < 0) return sink_free(s), raise_status(id), NULL;
  s->id = id;
  queue_adopt(l->home, s);
  return PyLong_FromLongLong(id);
}

/* forget(listener): no event is on its way to it any more. */
static PyObject *link_forget(PyObject *self, PyObject *listener) {
  link_object *l = (link_object *)self;
  for (sink *s = l->home->out, *next; s; s = next) {
    next = s->next;
    if (s->recurs && s->link == l && s->owner == listener) {
      sink_free(s);
      break;
    }
  }
  Py_RETURN_NONE;
}

/* reply(call, value, code): answers a call. False when it waits no longer. */
static PyObject *link_reply(PyObject *self, PyObject *args) {
  link_object *l = (link_object *)self;
  sidelite_value value;
  PyObject *object;
  long long call;
  int code, failed;
  int32_t status;
  sink *s;
  memset(&value, 0, sizeof value);
  if (!PyArg_ParseTuple(args, "LOi", &call, &object, &code)) return NULL;
  s = sink_new(l, FOR_LISTENER, Py_None);
  if (!s) return NULL;
  failed = encode_as_is(s, &value, object);
  if (failed > 0) PyErr_SetString(PyExc_TypeError, "a value of no type that SQLite has");
  status = failed ? 0 : sidelite_reply(l->conn, call, &value, code);
  sink_free(s);
  if (failed) return NULL;
  if (status == SIDELITE_ERR_BAD_HANDLE) Py_RETURN_FALSE;
  if (status) return raise_status(status), NULL;
  Py_RETURN_TRUE;
}

/* cancel(id): one request, or 0 for all, or -1 for what is running. */
static PyObject *link_cancel(PyObject *self, PyObject *number) {
  link_object *l = (link_object *)self;
  int64_t id;
  if (read_int64(number, &id)) return NULL;
  if (l->home->handle && queue_flush(l->home)) return NULL;
  return PyLong_FromLong(sidelite_cancel(l->conn, id));
}

/* Streams that are paused end, or the connection would wait for ever; those that somebody waits for are read. */
static void stop_streams(link_object *l) {
  for (queue *q = queues; q; q = q->next)
    for (sink *s = q->out; s; s = s->next) {
      rows *r = s->link == l && s->kind == FOR_ROWS ? (rows *)s->owner : NULL;
      if (r && r->has_begun && !r->readers) sink_cancel(s);
    }
}

/* Closes; `w` or nobody is told of CLOSED. Of the requests that were made nothing is lost. */
static int link_end(link_object *l, uint32_t mode, waiter *w) {
  sink *s;
  int32_t status;
  for (queue *q = queues; q; q = q->next)
    if (q->handle && queue_flush(q)) return -1;
  s = sink_new(l, w ? FOR_WAITER : FOR_ROWS, (PyObject *)w);
  if (!s) return -1;
  if (w) w->request = NULL;
  l->is_closing = 1;
  stop_streams(l);
  status = sidelite_close(l->conn, mode, NULL, s);
  if (!status) return queue_adopt(l->home, s), 0;
  sink_free(s);
  /* Its queue was freed, and the connection with it. */
  if (!w) return 0;
  return raise_status(status), -1;
}

/* close(mode): waits for the end. From here on nothing is taken any more. */
static PyObject *link_close(PyObject *self, PyObject *number) {
  link_object *l = (link_object *)self;
  long mode = PyLong_AsLong(number);
  waiter *w;
  if ((mode == -1 && PyErr_Occurred()) || !queue_here(l)) return NULL;
  w = waiter_here();
  if (!w) return NULL;
  w->detaches = 1;
  if (!link_end(l, (uint32_t)mode, w)) return (PyObject *)w;
  Py_DECREF(w);
  return NULL;
}

/* abandon(mode): closes, and nobody waits for it. From any thread, without a loop. */
static PyObject *link_abandon(PyObject *self, PyObject *number) {
  link_object *l = (link_object *)self;
  long mode = PyLong_AsLong(number);
  if (mode == -1 && PyErr_Occurred()) return NULL;
  if (l->conn && !l->is_closing && link_end(l, (uint32_t)mode, NULL)) return NULL;
  Py_RETURN_NONE;
}

/* post(kind, values): a command that nobody waits for, from any thread. */
static PyObject *link_post(PyObject *self, PyObject *args) {
  link_object *l = (link_object *)self;
  PyObject *values;
  unsigned kind;
  sink *s;
  if (!PyArg_ParseTuple(args, "IO", &kind, &values)) return NULL;
  if (queue_flush(l->home) || !(s = sink_new(l, FOR_ROWS, NULL))) return NULL;
  s->request.kind = kind;
  s->request.flags = SIDELITE_STATIC;
  if (encode_parameters(s, "", values)) return sink_free(s), NULL;
  if (!submit_array(&s, 1)) return raise_status(s->id), sink_free(s), NULL;
  queue_adopt(l->home, s);
  Py_RETURN_NONE;
}

/* statistics(): the numbers of sidelite_stats. */
static PyObject *link_statistics(PyObject *self, PyObject *none) {
  sidelite_stats stats;
  int32_t status;
  (void)none;
  memset(&stats, 0, sizeof stats);
  stats.struct_size = sizeof stats;
  status = sidelite_stat(((link_object *)self)->conn, &stats);
  if (status) return raise_status(status), NULL;
  return Py_BuildValue("(IKKKKKK)", stats.outstanding, (unsigned long long)stats.bytes,
                       (unsigned long long)stats.submitted, (unsigned long long)stats.completed,
                       (unsigned long long)stats.cache_hits, (unsigned long long)stats.cache_misses,
                       (unsigned long long)stats.total_changes);
}
