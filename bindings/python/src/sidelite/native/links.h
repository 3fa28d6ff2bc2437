/* Opening, and the type of links. */

/* open(queue, path, flags, busy_timeout_ms, statement_cache, isolation, vfs, pragmas): starts a connection; its link,
 * and a waiter for its opening. What may be out is not bounded: a program that awaits nothing is no defect. */
static PyObject *open_link(PyObject *module, PyObject *args) {
  sidelite_open_config config;
  const char *path, *pragmas[64];
  PyObject *home, *texts, *both = NULL;
  link_object *l;
  waiter *w;
  sink *s = NULL;
  int32_t status;
  (void)module;
  memset(&config, 0, sizeof config);
  config.struct_size = sizeof config;
  if (!PyArg_ParseTuple(args, "O!yIiIIzO!", own.queue, &home, &path, &config.flags, &config.busy_timeout_ms,
                        &config.statement_cache, &config.isolation, &config.vfs, &PyTuple_Type, &texts))
    return NULL;
  if (PyTuple_Size(texts) > 64) return PyErr_SetString(PyExc_ValueError, "at most 64 pragmas"), NULL;
  for (Py_ssize_t i = 0; i < PyTuple_Size(texts); i++)
    if (!(pragmas[i] = PyUnicode_AsUTF8AndSize(PyTuple_GetItem(texts, i), NULL))) return NULL;
  config.pragmas = pragmas;
  config.pragma_count = (uint32_t)PyTuple_Size(texts);
  config.max_requests = UINT32_MAX;
  config.max_bytes = config.max_result_bytes = INT64_MAX;
  l = (link_object *)new_object(own.link);
  if (!l) return NULL;
  Py_INCREF(home);
  l->home = (queue *)home;
  w = waiter_here();
  if (w) w->detaches = 1;
  if (w) s = sink_new(l, FOR_WAITER, (PyObject *)w);
  if (s) {
    w->request = NULL;
    status = sidelite_open(l->home->handle, path, &config, NULL, s, &l->conn);
    if (status) {
      sink_free(s);
      raise_status(status);
    } else {
      queue_adopt(l->home, s);
      both = Py_BuildValue("OO", l, w);
    }
  }
  Py_XDECREF(w);
  Py_DECREF(l);
  return both;
}

static int link_set_text_factory(PyObject *self, PyObject *value, void *none) {
  (void)none;
  if (value == (PyObject *)&PyUnicode_Type) value = NULL;
  Py_XINCREF(value);
  SET(((link_object *)self)->text_factory, value);
  return 0;
}

static PyObject *link_get_text_factory(PyObject *self, void *none) {
  link_object *l = (link_object *)self;
  PyObject *value = l->text_factory ? l->text_factory : (PyObject *)&PyUnicode_Type;
  (void)none;
  Py_INCREF(value);
  return value;
}

static PyObject *link_get_is_open(PyObject *self, void *none) {
  link_object *l = (link_object *)self;
  (void)none;
  return PyBool_FromLong(l->conn && !l->is_closing);
}

static PyObject *link_get_handle(PyObject *self, void *none) {
  (void)none;
  return PyLong_FromUnsignedLongLong((uintptr_t)((link_object *)self)->conn);
}

static int link_traverse(PyObject *self, visitproc visit, void *arg) {
  link_object *l = (link_object *)self;
  Py_VISIT(Py_TYPE(self));
  Py_VISIT((PyObject *)l->home);
  Py_VISIT(l->text_factory);
  Py_VISIT(l->begun);
  return 0;
}

static int link_clear(PyObject *self) {
  link_object *l = (link_object *)self;
  if (l->conn && !l->is_closing) sidelite_close(l->conn, SIDELITE_CLOSE_CANCEL, NULL, NULL);
  l->is_closing = 1;
  Py_CLEAR(l->text_factory);
  Py_CLEAR(l->begun);
  return 0;
}

static void link_dealloc(PyObject *self) {
  PyObject_GC_UnTrack(self);
  link_clear(self);
  Py_CLEAR(((link_object *)self)->home);
  free_object(self);
}

static PyMethodDef link_methods[] = {
    {"execute", (PyCFunction)(void (*)(void))link_execute, METH_FASTCALL, NULL},
    {"fetch_all", (PyCFunction)(void (*)(void))link_fetch_all, METH_FASTCALL, NULL},
    {"command", (PyCFunction)(void (*)(void))link_command, METH_VARARGS | METH_KEYWORDS, NULL},
    {"array", link_array, METH_O, NULL},
    {"many", link_many, METH_VARARGS, NULL},
    {"observe", link_observe, METH_VARARGS, NULL},
    {"create_function", link_create_function, METH_VARARGS, NULL},
    {"forget", link_forget, METH_O, NULL},
    {"reply", link_reply, METH_VARARGS, NULL},
    {"cancel", link_cancel, METH_O, NULL},
    {"close", link_close, METH_O, NULL},
    {"abandon", link_abandon, METH_O, NULL},
    {"post", link_post, METH_VARARGS, NULL},
    {"statistics", link_statistics, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL}};

static PyMemberDef link_members[] = {{"home", T_OBJECT, offsetof(link_object, home), READONLY, NULL},
                                     {"begun", T_OBJECT, offsetof(link_object, begun), 0, NULL},
                                     {"lanes", T_UINT, offsetof(link_object, lanes), 0, NULL},
                                     {"in_transaction", T_BOOL, offsetof(link_object, in_transaction), 0, NULL},
                                     {NULL, 0, 0, 0, NULL}};

static PyGetSetDef link_fields[] = {{"text_factory", link_get_text_factory, link_set_text_factory, NULL, NULL},
                                    {"is_open", link_get_is_open, NULL, NULL, NULL},
                                    {"handle", link_get_handle, NULL, NULL, NULL},
                                    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot link_slots[] = {{Py_tp_dealloc, link_dealloc},
                                   {Py_tp_traverse, link_traverse},
                                   {Py_tp_clear, link_clear},
                                   {Py_tp_methods, link_methods},
                                   {Py_tp_members, link_members},
                                   {Py_tp_getset, link_fields},
                                   {0, NULL}};

static PyType_Spec link_spec = {"sidelite._native.Link", sizeof(link_object), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                link_slots};
