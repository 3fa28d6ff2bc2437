/* What a cursor is in C. */

/* What a cursor is in C: the rows of its statement, and what is left of the one before. */
typedef struct cursor {
  PyObject_HEAD PyObject *connection, *chunk_size, *row_factory, *rows, *description;
  int64_t last_rowid, changes;
  int array_size;
  char has_rowid, is_closed;
} cursor;

/* Cursor(connection) */
static int cursor_init(PyObject *self, PyObject *args, PyObject *keywords) {
  cursor *c = (cursor *)self;
  PyObject *connection;
  if (!PyArg_ParseTuple(args, "O", &connection) || (keywords && PyDict_Size(keywords))) return -1;
  Py_INCREF(connection);
  SET(c->connection, connection);
  SET(c->chunk_size, PyObject_GetAttr(connection, word.chunk_size));
  SET(c->row_factory, PyObject_GetAttr(connection, word.row_factory));
  c->changes = -1;
  c->array_size = 1;
  return c->chunk_size && c->row_factory ? 0 : -1;
}

/* Nobody reads its rows any more. They are returned, for who wants to see their end. */
static PyObject *cursor_leave(PyObject *self, PyObject *none) {
  cursor *c = (cursor *)self;
  PyObject *left = c->rows;
  rows *r = (rows *)left;
  (void)none;
  c->rows = NULL;
  c->changes = -1;
  Py_CLEAR(c->description);
  if (!r) Py_RETURN_NONE;
  if (r->has_rowid) {
    c->has_rowid = 1;
    c->last_rowid = r->last_rowid;
  }
  return left;
}

/* begin(sql, parameters, timeout): executes a statement; a waiter, which ends with the cursor. */
static PyObject *cursor_begin(PyObject *self, PyObject *const *args, Py_ssize_t n) {
  cursor *c = (cursor *)self;
  PyObject *l, *left;
  if (n != 3) return PyErr_SetString(PyExc_TypeError, "begin: sql, parameters, timeout"), NULL;
  l = PyObject_GetAttr(c->connection, word.link);
  if (l && Py_TYPE(l) != own.link) {
    Py_DECREF(l);
    l = PyObject_CallMethodObjArgs(c->connection, word.active, NULL);
  }
  if (!l) return NULL;
  if (c->is_closed) {
    PyErr_SetString(own.programming_error, "Cannot operate on a closed cursor.");
  } else {
    left = cursor_leave(self, NULL);
    Py_DECREF(left);
    c->rows = (PyObject *)link_run((link_object *)l, args[0], args[1]);
  }
  Py_DECREF(l);
  return c->rows ? within(rows_begin(c->rows, self), args[2]) : NULL;
}

static PyObject *cursor_get_rowcount(PyObject *self, void *none) {
  cursor *c = (cursor *)self;
  return c->rows ? rows_get_rowcount(c->rows, none) : PyLong_FromLongLong(c->changes);
}

static int cursor_set_rowcount(PyObject *self, PyObject *value, void *none) {
  (void)none;
  return read_int64(value, &((cursor *)self)->changes);
}

static PyObject *cursor_get_lastrowid(PyObject *self, void *none) {
  cursor *c = (cursor *)self;
  if (c->rows && ((rows *)c->rows)->has_rowid) return rows_get_lastrowid(c->rows, none);
  if (!c->has_rowid) Py_RETURN_NONE;
  return PyLong_FromLongLong(c->last_rowid);
}

static int cursor_traverse(PyObject *self, visitproc visit, void *arg) {
  cursor *c = (cursor *)self;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(c->connection);
  Py_VISIT(c->chunk_size);
  Py_VISIT(c->row_factory);
  Py_VISIT(c->rows);
  return 0;
}

static int cursor_clear(PyObject *self) {
  cursor *c = (cursor *)self;
  Py_CLEAR(c->connection);
  Py_CLEAR(c->chunk_size);
  Py_CLEAR(c->row_factory);
  Py_CLEAR(c->rows);
  Py_CLEAR(c->description);
  return 0;
}

static void cursor_dealloc(PyObject *self) {
  PyObject_GC_UnTrack(self);
  cursor_clear(self);
  free_object(self);
}

static PyMethodDef cursor_methods[] = {{"_begin", (PyCFunction)(void (*)(void))cursor_begin, METH_FASTCALL, NULL},
                                       {"_leave", cursor_leave, METH_NOARGS, NULL},
                                       {NULL, NULL, 0, NULL}};

static PyMemberDef cursor_members[] = {{"_conn", T_OBJECT, offsetof(cursor, connection), READONLY, NULL},
                                       {"_rows", T_OBJECT, offsetof(cursor, rows), READONLY, NULL},
                                       {"_description", T_OBJECT, offsetof(cursor, description), 0, NULL},
                                       {"_is_closed", T_BOOL, offsetof(cursor, is_closed), 0, NULL},
                                       {"_arraysize", T_INT, offsetof(cursor, array_size), 0, NULL},
                                       {"_row_factory", T_OBJECT, offsetof(cursor, row_factory), 0, NULL},
                                       {"iter_chunk_size", T_OBJECT, offsetof(cursor, chunk_size), 0, NULL},
                                       {NULL, 0, 0, 0, NULL}};

static PyGetSetDef cursor_fields[] = {{"_rowcount", cursor_get_rowcount, cursor_set_rowcount, NULL, NULL},
                                      {"_lastrowid", cursor_get_lastrowid, NULL, NULL, NULL},
                                      {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot cursor_slots[] = {{Py_tp_init, cursor_init},         {Py_tp_dealloc, cursor_dealloc},
                                     {Py_tp_traverse, cursor_traverse}, {Py_tp_clear, cursor_clear},
                                     {Py_tp_methods, cursor_methods},   {Py_tp_members, cursor_members},
                                     {Py_tp_getset, cursor_fields},     {0, NULL}};

static PyType_Spec cursor_spec = {"sidelite._native.Cursor", sizeof(cursor), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE, cursor_slots};
