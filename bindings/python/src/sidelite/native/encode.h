/* Values on their way in: read where they lie. */

/* Whether plain types have adapters: asked again when there are more adapters than before. */
static int look_at_adapters(void) {
  PyTypeObject *plain[] = {&PyLong_Type,      &PyFloat_Type, &PyUnicode_Type, &PyBytes_Type,
                           &PyByteArray_Type, &PyBool_Type,  Py_TYPE(Py_None)};
  own.n_adapters = PyDict_Size(own.adapters);
  own.adapts_all = 0;
  for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
    PyObject *key = PyTuple_Pack(2, plain[i], own.protocol);
    int has = key ? PyDict_Contains(own.adapters, key) : -1;
    Py_XDECREF(key);
    if (has < 0) return -1;
    own.adapts_all |= has;
  }
  return 0;
}

static int keep_object(sink *s, PyObject *object) {
  if (!s->more_objects && !(s->more_objects = PyList_New(0))) return -1;
  return PyList_Append(s->more_objects, object);
}

static int encode_int(sidelite_value *value, PyObject *object) {
  int overflow;
  long long number = PyLong_AsLongLongAndOverflow(object, &overflow);
  if (overflow) {
    PyErr_SetString(PyExc_OverflowError, "Python int too large to convert to SQLite INTEGER");
    return -1;
  }
  if (number == -1 && PyErr_Occurred()) return -1;
  value->type = SIDELITE_INTEGER;
  value->as.integer = number;
  return 0;
}

static int encode_bytes(sidelite_value *value, uint32_t type, const char *bytes, Py_ssize_t length) {
  if (length > INT32_MAX) {
    PyErr_SetString(PyExc_OverflowError,
                    type == SIDELITE_TEXT ? "string longer than INT_MAX bytes" : "BLOB longer than INT_MAX bytes");
    return -1;
  }
  value->type = type;
  value->len = (uint32_t)length;
  value->as.data = bytes;
  return 0;
}

static int encode_text(sidelite_value *value, PyObject *object) {
  Py_ssize_t length;
  const char *text = PyUnicode_AsUTF8AndSize(object, &length);
  return text ? encode_bytes(value, SIDELITE_TEXT, text, length) : -1;
}

/* What may change is copied now. 1: it has no bytes to give. */
static int encode_buffer(sink *s, sidelite_value *value, PyObject *object) {
  PyObject *view = PyMemoryView_FromObject(object), *is_plain, *bytes = NULL;
  int failed;
  if (!view) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) return -1;
    PyErr_Clear();
    return 1;
  }
  is_plain = PyObject_GetAttrString(view, "c_contiguous");
  if (is_plain == Py_True) bytes = PyBytes_FromObject(view);
  else if (is_plain) PyErr_SetString(PyExc_BufferError, "memoryview: underlying buffer is not C-contiguous");
  Py_XDECREF(is_plain);
  Py_DECREF(view);
  if (!bytes) return -1;
  failed = keep_object(s, bytes) || encode_bytes(value, SIDELITE_BLOB, PyBytes_AsString(bytes), PyBytes_Size(bytes));
  Py_DECREF(bytes);
  return failed ? -1 : 0;
}

/* Without an adapter. 1: it is of no type that SQLite has. */
static int encode_as_is(sink *s, sidelite_value *value, PyObject *object) {
  value->len = 0;
  value->as.integer = 0;
  value->type = SIDELITE_NULL;
  if (object == Py_None) return 0;
  if (PyLong_Check(object)) return encode_int(value, object);
  if (PyFloat_Check(object)) {
    value->type = SIDELITE_REAL;
    value->as.real = PyFloat_AsDouble(object);
    return 0;
  }
  if (PyUnicode_Check(object)) return encode_text(value, object);
  if (PyBytes_CheckExact(object))
    return encode_bytes(value, SIDELITE_BLOB, PyBytes_AsString(object), PyBytes_Size(object));
  return encode_buffer(s, value, object);
}

static void raise_unsupported_at(Py_ssize_t position, PyObject *object) {
  PyObject *type = type_name(object);
  if (type)
    PyErr_Format(own.programming_error, "Error binding parameter %zd: type '%U' is not supported", position + 1, type);
  Py_XDECREF(type);
}

static int encode_adapted(sink *s, sidelite_value *value, PyObject *object, Py_ssize_t position) {
  PyObject *adapted = PyObject_CallFunctionObjArgs(own.adapt, object, NULL);
  int failed = !adapted || (adapted != object && keep_object(s, adapted)) ? -1 : encode_as_is(s, value, adapted);
  if (failed > 0) raise_unsupported_at(position, adapted);
  Py_XDECREF(adapted);
  return failed;
}

/* Values of plain types stay where they are; `object` lives until the final event. */
static inline int encode(sink *s, sidelite_value *value, PyObject *object, Py_ssize_t position) {
  PyTypeObject *type = Py_TYPE(object);
  if (!own.adapts_all) {
    if (type == &PyUnicode_Type) return encode_text(value, object);
    if (type == &PyLong_Type || type == &PyFloat_Type || type == &PyBytes_Type || object == Py_None ||
        type == &PyBool_Type || type == &PyByteArray_Type)
      return encode_as_is(s, value, object);
  }
  return encode_adapted(s, value, object, position);
}

/* Room for so many values. */
static int make_values(sink *s, size_t count) {
  if (count <= FEW_VALUES) {
    s->values = s->few;
  } else {
    s->values = (sidelite_value *)malloc(count * sizeof *s->values);
    if (!s->values) return PyErr_NoMemory(), -1;
  }
  s->request.values = s->values;
  return 0;
}

/* Encodes a tuple into `values`. */
static int encode_tuple(sink *s, sidelite_value *values, PyObject *tuple, Py_ssize_t count) {
  for (Py_ssize_t i = 0; i < count; i++)
    if (encode(s, &values[i], PyTuple_GetItem(tuple, i), i)) return -1;
  return 0;
}

/* What Python's sqlite3 says to a sequence for a statement that names its parameters: nothing before 3.12, and from
 * 3.14 on that it is an error. */
static int judge_sequence(PyObject *sql, const char *text) {
  static const char *const format =
      "Binding %zd ('%U') is a named parameter, but you supplied a sequence which requires "
      "nameless (qmark) placeholders.%s";
  PyObject *names;
  if (own.python < 0x030c0000 || !strpbrk(text, ":@$") || !(names = names_of(sql, text)))
    return PyErr_Occurred() ? -1 : 0;
  Py_INCREF(names);
  for (Py_ssize_t i = 0; i < PyTuple_Size(names) && !PyErr_Occurred(); i++) {
    PyObject *name = PyTuple_GetItem(names, i);
    if (name == Py_None || PyUnicode_ReadChar(name, 0) == '?') continue;
    if (own.python >= 0x030e0000) PyErr_Format(own.programming_error, format, i + 1, name, "");
    else
      PyErr_WarnFormat(PyExc_DeprecationWarning, 1, format, i + 1, name,
                       " Starting with Python 3.14 an sqlite3.ProgrammingError will be raised.");
  }
  Py_DECREF(names);
  return PyErr_Occurred() ? -1 : 0;
}

/* As the sqlite3 module tells a sequence from a mapping. */
static int is_sequence(PyObject *parameters) {
  return PyTuple_Check(parameters) || PyList_Check(parameters) ||
         (!PyDict_Check(parameters) && PySequence_Check(parameters));
}

static int encode_positional(sink *s, const char *sql, PyObject *parameters) {
  Py_ssize_t count;
  if (s->sql && judge_sequence(s->sql, sql)) return -1;
  s->objects = PySequence_Tuple(parameters);
  if (!s->objects) return -1;
  count = PyTuple_Size(s->objects);
  if (!count) return 0;
  if (make_values(s, (size_t)count)) return -1;
  s->request.ncols = (uint32_t)count;
  return encode_tuple(s, s->values, s->objects, count);
}

static PyObject *value_named(PyObject *parameters, PyObject *names, Py_ssize_t i) {
  PyObject *name = PyTuple_GetItem(names, i), *key, *value;
  if (name == Py_None) {
    static const char *const text = "Binding %zd has no name, but you supplied a dictionary (which has only names).";
    return PyErr_Format(own.programming_error, text, i + 1);
  }
  key = PyUnicode_Substring(name, 1, PyUnicode_GetLength(name));
  if (!key) return NULL;
  value = PyObject_GetItem(parameters, key);
  if (!value && PyErr_ExceptionMatches(PyExc_LookupError)) {
    PyErr_Clear();
    PyErr_Format(own.programming_error, "You did not supply a value for binding parameter :%U.", key);
  }
  Py_DECREF(key);
  return value;
}

static int encode_named(sink *s, const char *sql, PyObject *parameters) {
  PyObject *names = names_of(s->sql, sql);
  Py_ssize_t count = names ? PyTuple_Size(names) : -1;
  if (count <= 0) return (int)count;
  /* The names live as long as their tuple, which others may drop. */
  if (keep_object(s, names) || make_values(s, (size_t)count)) return -1;
  s->names = (const char **)malloc((size_t)count * sizeof *s->names);
  s->objects = PyTuple_New(count);
  if (!s->names || !s->objects) return PyErr_NoMemory(), -1;
  s->request.names = s->names;
  s->request.ncols = (uint32_t)count;
  for (Py_ssize_t i = 0; i < count; i++) {
    PyObject *name = PyTuple_GetItem(names, i), *object = value_named(parameters, names, i);
    if (!object || PyTuple_SetItem(s->objects, i, object)) return -1;
    s->names[i] = PyUnicode_AsUTF8AndSize(name, NULL);
    if (!s->names[i] || encode(s, &s->values[i], object, i)) return -1;
  }
  return 0;
}

static int encode_parameters(sink *s, const char *sql, PyObject *parameters) {
  if (PyDict_Size(own.adapters) != own.n_adapters && look_at_adapters()) return -1;
  if (parameters == Py_None) return 0;
  if (is_sequence(parameters)) return encode_positional(s, sql, parameters);
  if (PyMapping_Check(parameters)) return encode_named(s, sql, parameters);
  PyErr_SetString(own.programming_error, "parameters are of unsupported type");
  return -1;
}

static const char *encode_sql(sink *s, PyObject *sql) {
  const char *text = text_of_sql(sql);
  if (!text) return NULL;
  Py_INCREF(sql);
  s->sql = sql;
  s->request.sql = text;
  return text;
}
