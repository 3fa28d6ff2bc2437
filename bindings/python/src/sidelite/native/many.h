/* The parts of an executemany. */

/* A part of an executemany: rows that were read, and encoded, and not sent yet. */
typedef struct chunk {
  PyObject_HEAD sink *s;
  size_t room;
} chunk;

enum { CHUNK_ROWS_MAX = 8192, CHUNK_BYTES_MAX = 4 << 20 };

static int chunk_reserve(chunk *c, size_t count) {
  sink *s = c->s;
  size_t room = c->room ? 2 * c->room : 64;
  sidelite_value *values;
  if (count <= c->room) return 0;
  if (room < count) room = count;
  values = (sidelite_value *)realloc(c->room ? s->values : NULL, room * sizeof *values);
  if (!values) return PyErr_NoMemory(), -1;
  c->room = room;
  s->values = values;
  s->request.values = values;
  return 0;
}

static size_t bytes_in(const sidelite_value *values, Py_ssize_t count) {
  size_t bytes = 0;
  for (Py_ssize_t i = 0; i < count; i++) bytes += sizeof *values + values[i].len;
  return bytes;
}

/* Names for rows that are mappings. */
static int chunk_name(chunk *c, PyObject *names) {
  Py_ssize_t count = PyTuple_Size(names);
  sink *s = c->s;
  if (!count || keep_object(s, names)) return count ? -1 : 0;
  s->names = (const char **)malloc((size_t)count * sizeof *s->names);
  if (!s->names) return PyErr_NoMemory(), -1;
  for (Py_ssize_t i = 0; i < count; i++)
    if (!(s->names[i] = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(names, i), NULL))) return -1;
  s->request.names = s->names;
  return 0;
}

/* The values of a row as a tuple; `names` are those that a mapping is asked for. */
static PyObject *row_values(PyObject *row, PyObject *names, int is_mapping) {
  Py_ssize_t count;
  PyObject *tuple;
  if (!is_mapping) return PySequence_Tuple(row);
  count = PyTuple_Size(names);
  tuple = PyTuple_New(count);
  for (Py_ssize_t i = 0; tuple && i < count; i++) {
    PyObject *value = value_named(row, names, i);
    if (!value || PyTuple_SetItem(tuple, i, value)) Py_CLEAR(tuple);
  }
  return tuple;
}

/* Adds a row. 1: it is of another kind or size than those before, and begins a chunk of its own. */
static int chunk_add(chunk *c, PyObject *row, PyObject *names, size_t *bytes) {
  sink *s = c->s;
  int is_mapping = !is_sequence(row), failed;
  size_t used = (size_t)s->request.nrows * s->request.ncols;
  PyObject *tuple;
  Py_ssize_t count;
  if (is_mapping && !PyMapping_Check(row)) {
    PyErr_SetString(own.programming_error, "parameters are of unsupported type");
    return -1;
  }
  if (s->request.nrows && is_mapping != (s->request.names != NULL)) return 1;
  if (!is_mapping && !s->request.nrows && judge_sequence(s->sql, s->request.sql)) return -1;
  tuple = row_values(row, names, is_mapping);
  if (!tuple) return -1;
  count = PyTuple_Size(tuple);
  if (s->request.nrows && count != (Py_ssize_t)s->request.ncols) return Py_DECREF(tuple), 1;
  failed = (is_mapping && !s->request.nrows && chunk_name(c, names)) || chunk_reserve(c, used + (size_t)count) ||
           encode_tuple(s, s->values + used, tuple, count) || PyList_Append(s->objects, tuple);
  Py_DECREF(tuple);
  if (failed) return -1;
  *bytes += bytes_in(s->values + used, count);
  s->request.ncols = (uint32_t)count;
  s->request.nrows++;
  return 0;
}

/* many(sql, iterator, first): reads rows, from `first` on unless that is None, as far as they go into one request.
 * Returns a chunk or None, the row that did not fit in or None, whether that were all, and the error that ended it or
 * None. */
static PyObject *link_many(PyObject *self, PyObject *args) {
  link_object *l = (link_object *)self;
  PyObject *sql, *iterator, *first, *names, *row = NULL, *error = NULL, *is_all = Py_False;
  chunk *c;
  const char *text;
  size_t bytes = 0;
  int status = 0;
  if (!PyArg_ParseTuple(args, "OOO", &sql, &iterator, &first)) return NULL;
  if (PyDict_Size(own.adapters) != own.n_adapters && look_at_adapters()) return NULL;
  c = (chunk *)new_object(own.chunk);
  if (!c) return NULL;
  waiter *w = waiter_here();
  c->s = w ? sink_new(l, FOR_WAITER, (PyObject *)w) : NULL;
  Py_XDECREF(w);
  if (!c->s || !(text = encode_sql(c->s, sql)) || !(names = names_of(sql, text)) || !(c->s->objects = PyList_New(0)))
    return Py_DECREF(c), NULL;
  c->s->shape = SHAPE_CHANGES;
  c->s->request.kind = SIDELITE_EXECUTE;
  c->s->request.flags = SIDELITE_STATIC;
  Py_INCREF(names);
  while (!status && c->s->request.nrows < CHUNK_ROWS_MAX && bytes < CHUNK_BYTES_MAX) {
    Py_XDECREF(row);
    if (first != Py_None) Py_INCREF(first), row = first;
    else row = PyIter_Next(iterator);
    first = Py_None;
    if (!row) {
      is_all = Py_True;
      break;
    }
    status = chunk_add(c, row, names, &bytes);
  }
  Py_DECREF(names);
  if (PyErr_Occurred()) error = take_error();
  if (status != 1) Py_CLEAR(row);
  if (!c->s->request.nrows) Py_CLEAR(c);
  return Py_BuildValue("NNON", c ? (PyObject *)c : (Py_INCREF(Py_None), Py_None),
                       row ? row : (Py_INCREF(Py_None), Py_None), is_all,
                       error ? error : (Py_INCREF(Py_None), Py_None));
}

/* submit(lane): a waiter for the number of rows changed. */
static PyObject *chunk_submit(PyObject *self, PyObject *number) {
  chunk *c = (chunk *)self;
  sink *s = c->s;
  queue *q;
  int64_t lane;
  if (read_int64(number, &lane)) return NULL;
  if (!s) return PyErr_SetString(PyExc_RuntimeError, "the chunk was sent already"), NULL;
  q = queue_here(s->link);
  if (!q) return NULL;
  c->s = NULL;
  s->request.lane = lane;
  return send_waiter(q, s, (waiter *)s->owner);
}

static int chunk_traverse(PyObject *self, visitproc visit, void *arg) {
  chunk *c = (chunk *)self;
  Py_VISIT(Py_TYPE(self));
  if (!c->s) return 0;
  Py_VISIT((PyObject *)c->s->link);
  Py_VISIT(c->s->owner);
  Py_VISIT(c->s->objects);
  Py_VISIT(c->s->more_objects);
  return 0;
}

static int chunk_clear(PyObject *self) {
  chunk *c = (chunk *)self;
  sink *s = c->s;
  c->s = NULL;
  if (s) sink_free(s);
  return 0;
}

static void chunk_dealloc(PyObject *self) {
  PyObject_GC_UnTrack(self);
  chunk_clear(self);
  free_object(self);
}

static PyMethodDef chunk_methods[] = {{"submit", chunk_submit, METH_O, NULL}, {NULL, NULL, 0, NULL}};

static PyType_Slot chunk_slots[] = {{Py_tp_dealloc, chunk_dealloc},
                                    {Py_tp_traverse, chunk_traverse},
                                    {Py_tp_clear, chunk_clear},
                                    {Py_tp_methods, chunk_methods},
                                    {0, NULL}};

static PyType_Spec chunk_spec = {"sidelite._native.Chunk", sizeof(chunk), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 chunk_slots};
