/* Values on their way out: a block's rows as tuples. */

static void raise_undecodable(const sidelite_result *result, uint32_t column, const char *text) {
  PyObject *error;
  Py_XDECREF(take_error());
  error = PyUnicode_FromFormat("Could not decode to UTF-8 column '%s' with text '%s'",
                               sidelite_column_name(result, column), text);
  if (error) PyErr_SetObject(own.operational_error, error);
  Py_XDECREF(error);
}

static PyObject *decode_text(const sidelite_result *result, uint32_t column, const char *text, uint32_t length,
                             PyObject *text_factory) {
  PyObject *value;
  if (!text_factory) {
    value = PyUnicode_DecodeUTF8(text, length, NULL);
    if (!value && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) raise_undecodable(result, column, text);
    return value;
  }
  if (text_factory == (PyObject *)&PyBytes_Type) return PyBytes_FromStringAndSize(text, length);
  if (text_factory == (PyObject *)&PyByteArray_Type) return PyByteArray_FromStringAndSize(text, length);
  return PyObject_CallFunction(text_factory, "y#", text, (Py_ssize_t)length);
}

static PyObject *decode_plain(const sidelite_result *result, uint32_t column, const sidelite_value *value,
                              PyObject *text_factory) {
  switch (value->type) {
    case SIDELITE_INTEGER: return PyLong_FromLongLong(value->as.integer);
    case SIDELITE_REAL: return PyFloat_FromDouble(value->as.real);
    case SIDELITE_TEXT:
      return decode_text(result, column, (const char *)result + value->as.offset, value->len, text_factory);
    case SIDELITE_BLOB: return PyBytes_FromStringAndSize((const char *)result + value->as.offset, value->len);
    default: Py_INCREF(Py_None); return Py_None;
  }
}

/* `bytes_of` makes the text of a number. */
static PyObject *convert(const sidelite_result *result, uint32_t column, const sidelite_value *value,
                         PyObject *converter, PyObject *bytes_of) {
  PyObject *bytes, *converted;
  if (value->type == SIDELITE_NULL) Py_RETURN_NONE;
  /* Where SQLite has no bytes to point to, the sqlite3 module sees NULL. */
  if ((value->type == SIDELITE_TEXT || value->type == SIDELITE_BLOB) && !value->len) Py_RETURN_NONE;
  bytes = decode_plain(result, column, value, (PyObject *)&PyBytes_Type);
  if (bytes && value->type != SIDELITE_TEXT && value->type != SIDELITE_BLOB) {
    PyObject *number = bytes;
    bytes = PyObject_CallFunctionObjArgs(bytes_of, number, NULL);
    Py_DECREF(number);
  }
  converted = bytes ? PyObject_CallFunctionObjArgs(converter, bytes, NULL) : NULL;
  Py_XDECREF(bytes);
  return converted;
}

/* How the cells of a statement are read. */
typedef struct reading {
  PyObject *text_factory;
  PyObject *converters; /* NULL, or a tuple: a callable or None for each column, and at its end bytes_of */
} reading;

static PyObject *decode_row(const sidelite_result *result, uint32_t row, reading how) {
  uint32_t ncols = result->ncols;
  const sidelite_value *value =
      (const sidelite_value *)(const void *)((const char *)result + result->values) + (size_t)row * ncols;
  PyObject *tuple = PyTuple_New(ncols);
  for (uint32_t i = 0; tuple && i < ncols; i++, value++) {
    PyObject *converter = how.converters ? PyTuple_GetItem(how.converters, i) : Py_None;
    PyObject *cell = converter && converter != Py_None
                         ? convert(result, i, value, converter, PyTuple_GetItem(how.converters, ncols))
                         : decode_plain(result, i, value, how.text_factory);
    if (!cell || PyTuple_SetItem(tuple, i, cell)) Py_CLEAR(tuple);
  }
  return tuple;
}

static PyObject *decode_rows(const sidelite_result *result, reading how) {
  PyObject *list = PyList_New(result ? result->nrows : 0);
  for (uint32_t i = 0; list && result && i < result->nrows; i++) {
    PyObject *row = decode_row(result, i, how);
    if (!row || PyList_SetItem(list, i, row)) Py_CLEAR(list);
  }
  return list;
}

static PyObject *decode_texts(const sidelite_result *result, uint64_t offset) {
  PyObject *tuple = PyTuple_New(offset ? result->ncols : 0);
  const sidelite_value *value = (const sidelite_value *)(const void *)((const char *)result + offset);
  for (uint32_t i = 0; tuple && offset && i < result->ncols; i++, value++) {
    PyObject *text;
    if (value->type == SIDELITE_TEXT) {
      text = PyUnicode_DecodeUTF8((const char *)result + value->as.offset, value->len, "replace");
    } else {
      Py_INCREF(Py_None);
      text = Py_None;
    }
    if (!text || PyTuple_SetItem(tuple, i, text)) Py_CLEAR(tuple);
  }
  return tuple;
}

static PyObject *error_of_event(const sidelite_event *event) {
  const sidelite_result *result = event->result;
  const char *message = sidelite_event_message(event);
  PyObject *text = PyUnicode_DecodeUTF8(message, (Py_ssize_t)strlen(message), "replace"), *error;
  if (!text) return NULL;
  error = PyObject_CallFunction(own.error, "iOiiiI", (int)event->code, text, result ? (int)result->sqlite_code : 0,
                                result ? (int)result->sql_offset : -1, result ? (int)result->system_errno : 0,
                                event->flags);
  Py_DECREF(text);
  return error;
}

static char verdict_of(const sidelite_event *event) {
  if (!event->code) return COMPLETED;
  return event->flags & SIDELITE_EVENT_NOT_RUN ? NOT_RUN : ABORTED;
}
