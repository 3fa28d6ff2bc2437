/* Queues, and the sinks that are out on them. */

static sink *sink_new(link_object *l, int kind, PyObject *owner) {
  sink *s = (sink *)calloc(1, sizeof *s);
  if (!s) return PyErr_NoMemory(), NULL;
  Py_INCREF(l);
  s->link = l;
  s->kind = kind;
  s->owner = owner;
  if (kind != FOR_ROWS) Py_INCREF(owner);
  if (kind == FOR_WAITER) ((waiter *)owner)->request = s;
  s->request.struct_size = sizeof s->request;
  s->request.user_data = s;
  return s;
}

static void sink_leaves(sink *s) {
  if (!s->on) return;
  *s->at = s->next;
  if (s->next) s->next->at = s->at;
  if (!s->lasts) s->on->n_out--;
  s->on = NULL;
}

static void rows_lose_sink(rows *r);

static void sink_free(sink *s) {
  int owns = s->kind != FOR_ROWS || s->is_held;
  sink_leaves(s);
  if (s->owner && s->kind == FOR_ROWS) rows_lose_sink((rows *)s->owner);
  if (s->owner && s->kind == FOR_WAITER) ((waiter *)s->owner)->request = NULL;
  if (owns) Py_XDECREF(s->owner);
  Py_XDECREF(s->value);
  Py_XDECREF(s->sql);
  Py_XDECREF(s->objects);
  Py_XDECREF(s->more_objects);
  Py_DECREF(s->link);
  if (s->values != s->few) free(s->values);
  free((void *)s->names);
  free(s);
}

/* Rows are kept by their request while somebody waits for them: a task, which nobody else need refer to. */
static void sink_hold(sink *s) {
  if (s->is_held) return;
  s->is_held = 1;
  Py_INCREF(s->owner);
}

static void sink_let_go(sink *s) {
  if (!s->is_held) return;
  s->is_held = 0;
  Py_DECREF(s->owner);
}

/* One that has not been sent yet is ended when the others are sent. True when it will not run: its event comes in its
 * place, behind others, but who waits need not wait for it. */
static int sink_cancel(sink *s) {
  s->is_cancelled = 1;
  return s->id > 0 && sidelite_withdraw(s->link->conn, s->id) > 0;
}

static int sink_deliver(sink *s, const sidelite_event *event, turn *here);

/* Tells of a request that was not taken. */
static int sink_refuse(sink *s, int32_t status, turn *here) {
  sidelite_event event;
  memset(&event, 0, sizeof event);
  event.code = status;
  event.flags = SIDELITE_EVENT_NOT_RUN | (s->link->in_transaction ? SIDELITE_EVENT_IN_TRANSACTION : 0);
  event.last_insert_rowid = s->link->last_rowid;
  return sink_deliver(s, &event, here);
}

/* Keeps the first error that somebody has thrown who was told of something, until all have heard. */
static void keep_first(PyObject **first) {
  if (*first) PyErr_WriteUnraisable(NULL);
  else *first = take_error();
}

static int submit_array(sink **sinks, uint32_t n) {
  sidelite_request few[16] = {0}, *requests = n <= 16 ? few : (sidelite_request *)malloc(n * sizeof *requests);
  int64_t id = SIDELITE_ERR_NO_MEMORY;
  if (requests) {
    for (uint32_t i = 0; i < n; i++) requests[i] = sinks[i]->request;
    id = sidelite_submit(sinks[0]->link->conn, requests, n);
  }
  for (uint32_t i = 0; i < n; i++) sinks[i]->id = id > 0 ? id + i : id;
  if (requests != few) free(requests);
  return id > 0;
}

/* How many, from the first, go as one array: as they belong together, or all that follow of the same connection. */
static uint32_t array_of(sink **sinks, uint32_t n) {
  uint32_t count = 1;
  if (sinks[0]->group) return sinks[0]->group < n ? sinks[0]->group : n;
  while (count < n && !sinks[count]->group && sinks[count]->link == sinks[0]->link) count++;
  return count;
}

/* What was only gathered into one array is not refused for its neighbours: it is tried again one by one. */
static void submit_sinks(sink **sinks, uint32_t n) {
  if (submit_array(sinks, n) || n == 1 || sinks[0]->group) return;
  for (uint32_t i = 0; i < n; i++) submit_array(&sinks[i], 1);
}

/* Leaves out what was cancelled before it was sent; it moves behind the others. Arrays go whole, or not at all. */
static uint32_t sort_out(sink **sinks, uint32_t n) {
  uint32_t kept = 0;
  for (uint32_t i = 0, count; i < n; i += count) {
    count = array_of(&sinks[i], n - i);
    if (!sinks[i]->group) count = 1;
    char is_cancelled = 0;
    for (uint32_t k = 0; k < count; k++) is_cancelled |= sinks[i + k]->is_cancelled;
    for (uint32_t k = 0; k < count; k++) {
      if (is_cancelled) {
        sinks[i + k]->id = SIDELITE_ERR_CANCELLED;
        continue;
      }
      sink *moved = sinks[kept];
      sinks[kept++] = sinks[i + k];
      sinks[i + k] = moved;
    }
  }
  return kept;
}

/* Sends what was gathered: also before anything that must not overtake it. */
static int queue_flush(queue *q) {
  uint32_t n = (uint32_t)q->n_gathered, kept;
  sink **sinks = q->gathered;
  PyObject *first = NULL;
  if (!n) return 0;
  q->gathered = NULL;
  q->n_gathered = q->size = 0;
  q->has_sent = 1;
  kept = sort_out(sinks, n);
  for (uint32_t i = 0, count; i < kept; i += count) {
    count = array_of(&sinks[i], kept - i);
    submit_sinks(&sinks[i], count);
  }
  /* All are sent before anybody is told: who is may submit. Those that were sent are out of reach from here on, but
   * not gone: no events are taken meanwhile. */
  for (uint32_t i = 0; i < n; i++) {
    if (sinks[i]->id > 0) sinks[i] = NULL;
  }
  for (uint32_t i = 0; i < n; i++)
    if (sinks[i] && sink_refuse(sinks[i], (int32_t)sinks[i]->id, NULL)) keep_first(&first);
  if (q->gathered) free(sinks);
  else q->gathered = sinks, q->size = n;
  if (!first) return 0;
  raise_again(first);
  Py_DECREF(first);
  return -1;
}

static int queue_schedule(queue *q) {
  PyObject *handle;
  if (q->is_scheduled) return 0;
  handle = PyObject_CallFunctionObjArgs(q->call_soon, q->flusher, NULL);
  if (!handle) return -1;
  Py_DECREF(handle);
  q->is_scheduled = 1;
  return 0;
}

/* It is out, with others of its queue. */
static void queue_adopt(queue *q, sink *s) {
  s->on = q;
  s->next = q->out;
  s->at = &q->out;
  if (q->out) q->out->at = &s->next;
  q->out = s;
  if (!s->lasts) q->n_out++;
}

/* Puts requests out that are one array if they are more than one. A lone one goes at once: its thread can begin. Others
 * go together, when the loop has run all that is ready. On failure they stay the caller's. */
static int queue_submit(queue *q, sink **sinks, uint32_t n) {
  if (q->n_gathered + n > q->size) {
    size_t size = 2 * (q->n_gathered + n);
    sink **gathered = (sink **)realloc((void *)q->gathered, size * sizeof *gathered);
    if (!gathered) return PyErr_NoMemory(), -1;
    q->gathered = gathered;
    q->size = size;
  }
  char is_alone = q->n_out == 0;
  /* What is asked for by those who are told in a drain goes out at its end. */
  if (!is_alone && this_turn.q != q && queue_schedule(q)) return -1;
  for (uint32_t i = 0; i < n; i++) {
    sink *s = sinks[i];
    if (s->link->home != q) s->request.reply_to = q->handle;
    queue_adopt(q, s);
    q->gathered[q->n_gathered++] = s;
  }
  if (n > 1) sinks[0]->group = n;
  /* What comes of it is no failure of this: the requests are out. */
  if (is_alone && queue_flush(q)) PyErr_WriteUnraisable((PyObject *)q);
  return 0;
}

static PyObject *queue_flush_method(PyObject *self, PyObject *none) {
  (void)none;
  ((queue *)self)->is_scheduled = 0;
  if (queue_flush((queue *)self)) return NULL;
  Py_RETURN_NONE;
}

/* Tells those who were put off. */
static void turn_tell(turn *here, PyObject **first) {
  for (size_t i = 0; i < here->n; i++) {
    if (waiter_wake(here->ready[i], here)) keep_first(first);
    Py_DECREF(here->ready[i]);
  }
  here->n = 0;
}

/* Tells of events; who is told may come back here, by running a loop of his own, or another thread may. */
static void events_tell(sidelite_event *events, int32_t n, PyObject **first) {
  for (int32_t i = 0; i < n; i++) sidelite_keep(events[i].result);
  for (int32_t i = 0; i < n; i++) {
    sink *s = (sink *)events[i].user_data;
    if (s && sink_deliver(s, &events[i], &this_turn)) keep_first(first);
    sidelite_release(events[i].result);
    turn_tell(&this_turn, first);
  }
}

/* Sends what those asked for who were told. */
static void queue_send_on(queue *q, PyObject **first) {
  if (q->n_gathered && !q->is_scheduled && queue_flush(q)) keep_first(first);
}

/* drain(): takes what has come, and tells. Who is told often asks for one thing more, and awaits it. If nothing else is
 * out it is looked for at once: a turn of the loop costs several times what a point read does. The loop gets its turn
 * after some of them. Returns how many events it was, or a negative status. Who throws does not keep the others from
 * hearing. */
static PyObject *queue_drain(PyObject *self, PyObject *none) {
  queue *q = (queue *)self;
  sidelite_event events[EVENTS_MAX];
  PyObject *first = NULL, *loop = PyObject_CallNoArgs(own.running_loop);
  turn outer = this_turn;
  int32_t n, all = 0;
  (void)none;
  if (!loop) return NULL;
  Py_INCREF(self);
  q->draining++;
  this_turn = (turn){q, loop, NULL, 0, 0};
  n = sidelite_poll(q->handle, events, EVENTS_MAX, 0);
  for (int looks = 0; n > 0; looks++) {
    all += n;
    q->has_sent = 0;
    events_tell(events, n, &first);
    queue_send_on(q, &first);
    if (!q->has_sent || q->n_out != 1 || first || looks == LOOKS_MAX) break;
    n = sidelite_look(q->handle, events, EVENTS_MAX);
  }
  free((void *)this_turn.ready);
  this_turn = outer;
  /* What was asked for by those who were told that theirs was refused. */
  queue_send_on(q, &first);
  q->draining--;
  Py_DECREF(self);
  Py_DECREF(loop);
  if (!first) return PyLong_FromLong(n < 0 ? n : all);
  raise_again(first);
  Py_DECREF(first);
  return NULL;
}

static int queue_set_loop(PyObject *self, PyObject *loop, void *none) {
  queue *q = (queue *)self;
  PyObject *call_soon = NULL, *flusher = NULL;
  (void)none;
  if (loop && loop != Py_None) {
    call_soon = PyObject_GetAttr(loop, word.call_soon);
    flusher = call_soon ? PyObject_GetAttrString(self, "flush") : NULL;
    if (!flusher) return Py_XDECREF(call_soon), -1;
  } else {
    loop = Py_None;
  }
  Py_INCREF(loop);
  SET(q->loop, loop);
  SET(q->call_soon, call_soon);
  SET(q->flusher, flusher);
  q->is_scheduled = 0;
  return 0;
}

static PyObject *queue_get_loop(PyObject *self, void *none) {
  queue *q = (queue *)self;
  (void)none;
  Py_INCREF(q->loop);
  return q->loop;
}

static PyObject *queue_fd(PyObject *self, PyObject *none) {
  int64_t fd = sidelite_queue_fd(((queue *)self)->handle);
  (void)none;
  if (fd < 0) return raise_status(fd), NULL;
  return PyLong_FromLongLong(fd);
}

/* Ends all that is out: nobody is told, and nothing runs any more. False when a thread does not answer: then its memory
 * stays. */
static int queue_end(queue *q, int32_t timeout_ms) {
  int32_t status;
  if (!q->handle) return 1;
  if (q->draining) return 0;
  Py_BEGIN_ALLOW_THREADS status = sidelite_queue_free(q->handle, timeout_ms);
  Py_END_ALLOW_THREADS if (status == SIDELITE_ERR_TIMEOUT || status == SIDELITE_ERR_MISUSE) return 0;
  q->handle = NULL;
  q->n_gathered = 0;
  while (q->out) sink_free(q->out);
  return 1;
}

/* free(timeout_ms): whether it is freed. */
static PyObject *queue_free_method(PyObject *self, PyObject *timeout) {
  long timeout_ms = PyLong_AsLong(timeout);
  if (timeout_ms == -1 && PyErr_Occurred()) return NULL;
  return PyBool_FromLong(queue_end((queue *)self, (int32_t)timeout_ms));
}

static PyObject *queue_new(PyTypeObject *type, PyObject *args, PyObject *keywords) {
  queue *q;
  int32_t status;
  if (!PyArg_ParseTuple(args, "") || (keywords && PyDict_Size(keywords))) return NULL;
  q = (queue *)new_object(type);
  if (!q) return NULL;
  Py_INCREF(Py_None);
  q->loop = Py_None;
  q->next = queues;
  q->at = &queues;
  if (queues) queues->at = &q->next;
  queues = q;
  status = sidelite_queue_new(NULL, &q->handle);
  if (!status) return (PyObject *)q;
  raise_status(status);
  Py_DECREF(q);
  return NULL;
}

static int queue_traverse(PyObject *self, visitproc visit, void *arg) {
  queue *q = (queue *)self;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(q->loop);
  Py_VISIT(q->call_soon);
  Py_VISIT(q->flusher);
  for (sink *s = q->out; s; s = s->next) {
    Py_VISIT((PyObject *)s->link);
    if (s->kind != FOR_ROWS || s->is_held) Py_VISIT(s->owner);
    Py_VISIT(s->value);
    Py_VISIT(s->objects);
    Py_VISIT(s->more_objects);
  }
  return 0;
}

static int queue_clear(PyObject *self) {
  queue *q = (queue *)self;
  queue_end(q, FREE_MS);
  Py_CLEAR(q->loop);
  Py_CLEAR(q->call_soon);
  Py_CLEAR(q->flusher);
  return 0;
}

static void queue_dealloc(PyObject *self) {
  queue *q = (queue *)self;
  PyObject_GC_UnTrack(self);
  if (q->weak) PyObject_ClearWeakRefs(self);
  queue_clear(self);
  if (q->at) *q->at = q->next;
  if (q->at && q->next) q->next->at = q->at;
  free((void *)q->gathered);
  free_object(self);
}

static PyMethodDef queue_methods[] = {{"drain", queue_drain, METH_NOARGS, NULL},
                                      {"flush", queue_flush_method, METH_NOARGS, NULL},
                                      {"fd", queue_fd, METH_NOARGS, NULL},
                                      {"free", queue_free_method, METH_O, NULL},
                                      {NULL, NULL, 0, NULL}};

static PyGetSetDef queue_fields[] = {{"loop", queue_get_loop, queue_set_loop, NULL, NULL},
                                     {NULL, NULL, NULL, NULL, NULL}};

static PyMemberDef queue_members[] = {{"__weaklistoffset__", T_PYSSIZET, offsetof(queue, weak), READONLY, NULL},
                                      {NULL, 0, 0, 0, NULL}};

static PyType_Slot queue_slots[] = {{Py_tp_new, queue_new},           {Py_tp_dealloc, queue_dealloc},
                                    {Py_tp_traverse, queue_traverse}, {Py_tp_clear, queue_clear},
                                    {Py_tp_methods, queue_methods},   {Py_tp_getset, queue_fields},
                                    {Py_tp_members, queue_members},   {0, NULL}};

static PyType_Spec queue_spec = {"sidelite._native.Queue", sizeof(queue), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                                 queue_slots};
