/* As much of SQL as must be known before it is sent: its first word, and the names of its parameters. */

static int is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

/* Behind blanks and comments. */
static const char *skip_blank(const char *sql) {
  for (;;) {
    while (is_space(*sql)) sql++;
    if (sql[0] == '-' && sql[1] == '-') {
      while (*sql && *sql != '\n') sql++;
    } else if (sql[0] == '/' && sql[1] == '*') {
      const char *end = strstr(sql + 2, "*/");
      if (!end) return sql + strlen(sql);
      sql = end + 2;
    } else {
      return sql;
    }
  }
}

static int begins_with(const char *text, const char *lower) {
  for (; *lower; text++, lower++)
    if ((*text | 0x20) != *lower) return 0;
  return 1;
}

/* As the sqlite3 module tells what changes rows: by the first word, and so not behind WITH. */
static int is_dml(const char *sql) {
  sql = skip_blank(sql);
  return begins_with(sql, "insert") || begins_with(sql, "update") || begins_with(sql, "delete") ||
         begins_with(sql, "replace");
}

/* Blanks, comments and semicolons alone. */
static int is_nothing(const char *sql) {
  for (sql = skip_blank(sql); *sql == ';';) sql = skip_blank(sql + 1);
  return !*sql;
}

static int is_name(char c) {
  return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c == '$' || (c & 0x80);
}

/* Behind a quoted piece that begins here. */
static const char *skip_quoted(const char *sql) {
  char end = *sql == '[' ? ']' : *sql;
  for (sql++; *sql; sql++)
    if (*sql == end && (end == ']' || sql[1] != end)) return sql + 1;
    else if (*sql == end) sql++;
  return sql;
}

/* Behind `::` and `(...)`, which may belong to a name that begins with $. */
static const char *skip_name(const char *sql) {
  char is_dollar = *sql == '$';
  for (sql++;; sql++) {
    if (is_name(*sql)) continue;
    if (is_dollar && sql[0] == ':' && sql[1] == ':') {
      sql++;
      continue;
    }
    if (is_dollar && *sql == '(') {
      const char *end = sql;
      while (*end && *end != ')' && !is_space(*end)) end++;
      return *end == ')' ? end + 1 : sql;
    }
    return sql;
  }
}

static int is_digit(char c) { return c >= '0' && c <= '9'; }

/* Puts a name where the parameter of this number is, from 0; None for those before it that have not been seen. */
static int set_name(PyObject *names, Py_ssize_t number, PyObject *name) {
  while (PyList_Size(names) <= number)
    if (PyList_Append(names, Py_None)) return -1;
  Py_INCREF(name);
  return PyList_SetItem(names, number, name);
}

/* One more parameter, as SQLite numbers them: `?` is the next, `?5` the fifth, a name the one that it was before. */
static int add_parameter(PyObject *names, const char *begin, Py_ssize_t length) {
  Py_ssize_t next = PyList_Size(names), number = next;
  PyObject *name;
  int known, failed;
  if (length == 1) return PyList_Append(names, Py_None);
  name = PyUnicode_DecodeUTF8(begin, length, NULL);
  if (!name) return -1;
  if (*begin == '?') number = strtol(begin + 1, NULL, 10) - 1;
  else if ((known = PySequence_Contains(names, name))) number = known < 0 ? known : PySequence_Index(names, name);
  /* A number that cannot be is SQLite's to refuse. */
  failed = *begin == '?' ? number >= 0 && number < NUMBER_MAX && set_name(names, number, name)
                         : number < 0 || (number == next && PyList_Append(names, name));
  Py_DECREF(name);
  return failed ? -1 : 0;
}

/* The names of a statement's parameters, as they stand there, by number; None for those without one. */
static PyObject *find_names(const char *sql) {
  PyObject *names = PyList_New(0), *tuple;
  while (names && *sql) {
    const char *begin = skip_blank(sql);
    if (begin != sql) {
      sql = begin;
    } else if (*sql == '\'' || *sql == '"' || *sql == '`' || *sql == '[') {
      sql = skip_quoted(sql);
    } else if (((*sql == ':' || *sql == '@' || *sql == '$') && is_name(sql[1])) || *sql == '?') {
      if (*sql != '?') sql = skip_name(begin);
      else
        while (is_digit(*++sql)) continue;
      if (add_parameter(names, begin, sql - begin)) Py_CLEAR(names);
    } else if (is_name(*sql)) {
      while (is_name(*sql)) sql++;
    } else {
      sql++;
    }
  }
  tuple = names ? PyList_AsTuple(names) : NULL;
  Py_XDECREF(names);
  return tuple;
}

/* A borrowed tuple of `str`. */
static PyObject *names_of(PyObject *sql, const char *text) {
  PyObject *names = PyDict_GetItemWithError(own.names, sql);
  if (names || PyErr_Occurred()) return names;
  names = find_names(text);
  if (!names) return NULL;
  if (PyDict_Size(own.names) >= NAMES_MAX) PyDict_Clear(own.names);
  if (PyDict_SetItem(own.names, sql, names)) return Py_DECREF(names), NULL;
  Py_DECREF(names);
  return names;
}

/* The text of a statement, which is its `str`'s own; NULL when it is none, or cannot be one. */
static const char *text_of_sql(PyObject *sql) {
  Py_ssize_t length;
  const char *text;
  if (!PyUnicode_Check(sql)) {
    PyObject *type = sql == Py_None ? PyUnicode_FromString("None") : type_name(sql);
    if (type) PyErr_Format(PyExc_TypeError, "execute() argument 1 must be str, not %U", type);
    Py_XDECREF(type);
    return NULL;
  }
  text = PyUnicode_AsUTF8AndSize(sql, &length);
  if (!text) return NULL;
  if (strlen(text) == (size_t)length) return text;
  PyErr_SetString(own.programming_error, "the query contains a null character");
  return NULL;
}

static PyObject *changes_rows(PyObject *module, PyObject *sql) {
  const char *text = text_of_sql(sql);
  (void)module;
  return text ? PyBool_FromLong(is_dml(text)) : NULL;
}
