/* Events, each to whom it is for. */

static PyObject *value_of_shape(sink *s, const sidelite_event *event) {
  static const reading plain = {NULL, NULL};
  const sidelite_result *result = event->result;
  reading how = {s->link->text_factory, NULL};
  PyObject *columns, *list;
  switch (s->shape) {
    case SHAPE_ROWS: return decode_rows(result, how);
    case SHAPE_ROW:
      if (result && result->nrows) return decode_row(result, 0, plain);
      Py_RETURN_NONE;
    case SHAPE_CELL:
      if (result && result->nrows) return decode_plain(result, 0, sidelite_row_value(result, 0, 0), NULL);
      Py_RETURN_NONE;
    case SHAPE_CHANGES: return PyLong_FromLongLong(event->changes);
    case SHAPE_ID: return PyLong_FromLongLong(event->id);
    case SHAPE_OUTCOME:
      columns = result ? decode_texts(result, result->names) : PyTuple_New(0);
      list = columns ? decode_rows(result, how) : NULL;
      if (!list) return Py_XDECREF(columns), NULL;
      return Py_BuildValue("NNLL", columns, list, (long long)event->changes, (long long)event->last_insert_rowid);
    default: break;
  }
  columns = s->value ? s->value : Py_None;
  Py_INCREF(columns);
  return columns;
}

/* Of a request that is waited for: its end, or its progress, of which `value` is told. */
static int waiter_on_event(waiter *w, sink *s, const sidelite_event *event, turn *here) {
  static const reading plain = {NULL, NULL};
  /* Who waited has gone already. */
  if (w->is_done) return 0;
  if (event->flags & SIDELITE_EVENT_MORE) {
    PyObject *list = s->value && !w->error ? decode_rows(event->result, plain) : NULL;
    PyObject *done = list ? PyObject_CallFunctionObjArgs(s->value, list, NULL) : NULL;
    Py_XDECREF(list);
    Py_XDECREF(done);
    if (!done && PyErr_Occurred()) {
      w->error = take_error();
      sink_cancel(s);
    }
    return 0;
  }
  PyObject *error = w->error, *value = NULL;
  w->error = NULL;
  w->verdict = verdict_of(event);
  if (!error && event->code) error = error_of_event(event);
  else if (!error) value = value_of_shape(s, event);
  return waiter_finish(w, value, error, here);
}

/* listener(id, flags, code, changes, last_insert_rowid, rows, error) */
static int listener_on_event(PyObject *listener, const sidelite_event *event) {
  static const reading plain = {NULL, NULL};
  int is_call = (event->flags & SIDELITE_EVENT_CALL) != 0;
  PyObject *error = event->code && !is_call ? error_of_event(event) : NULL, *list, *done;
  if (event->code && !is_call && !error) return -1;
  /* Arguments that are no text at all are the function's failure, of which it must be told. */
  list = decode_rows(error ? NULL : event->result, plain);
  if (!list) error = take_error();
  if (!list && !(list = PyList_New(0))) return Py_XDECREF(error), -1;
  done = PyObject_CallFunction(listener, "LIiLLNN", (long long)event->id, event->flags, (int)event->code,
                               (long long)event->changes, (long long)event->last_insert_rowid, list,
                               error ? error : (Py_INCREF(Py_None), Py_None));
  Py_XDECREF(done);
  return done ? 0 : -1;
}

/* All that was registered to last as long as the connection. */
static void forget_lasting(queue *q, link_object *l) {
  for (sink *s = q->out, *next; s; s = next) {
    next = s->next;
    if (s->lasts && s->link == l) sink_free(s);
  }
}

static int sink_deliver(sink *s, const sidelite_event *event, turn *here) {
  int is_final = !(event->flags & SIDELITE_EVENT_MORE), failed = 0;
  link_object *l = s->link;
  PyObject *owner = s->owner;
  Py_INCREF(l);
  Py_XINCREF(owner);
  if (is_final || s->kind == FOR_ROWS) {
    l->in_transaction = (event->flags & SIDELITE_EVENT_IN_TRANSACTION) != 0;
    l->last_rowid = event->last_insert_rowid;
  }
  if (event->flags & SIDELITE_EVENT_CLOSED) {
    l->conn = NULL;
    l->in_transaction = 0;
    forget_lasting(l->home, l);
  }
  if (is_final && !s->recurs) sink_leaves(s);
  if (owner) switch (s->kind) {
      case FOR_WAITER: failed = waiter_on_event((waiter *)owner, s, event, here); break;
      case FOR_ROWS: failed = rows_on_event((rows *)owner, s, event, here); break;
      default: failed = listener_on_event(owner, event);
    }
  if (is_final && l->lanes && !failed) {
    PyObject *done = PyObject_CallFunction(own.ended, "OL", l, (long long)event->id);
    failed = !done;
    Py_XDECREF(done);
  }
  if (is_final && !s->recurs) {
    PyObject *type, *error, *trace;
    PyErr_Fetch(&type, &error, &trace);
    sink_free(s);
    PyErr_Restore(type, error, trace);
  }
  Py_XDECREF(owner);
  Py_DECREF(l);
  return failed;
}
