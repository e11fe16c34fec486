/* What a C programmer would write against the limited API: the yardstick for starter: fizzbuzz. */
#define Py_LIMITED_API 0x030b0000
#include <Python.h>

static PyObject *fizz, *buzz, *both;

static PyObject *text(long long number) {
    char digits[24];
    char *end = digits + sizeof digits, *start = end;
    unsigned long long rest = number < 0 ? 0ULL - (unsigned long long)number : (unsigned long long)number;
    if (number % 15 == 0) return Py_NewRef(both);
    if (number % 5 == 0) return Py_NewRef(buzz);
    if (number % 3 == 0) return Py_NewRef(fizz);
    do { *--start = (char)('0' + rest % 10); rest /= 10; } while (rest);
    if (number < 0) *--start = '-';
    return PyUnicode_FromStringAndSize(start, end - start);
}

static PyObject *answer(PyObject *number) {
    if (PyFloat_Check(number)) return PyObject_Str(number);
    long long value = PyLong_AsLongLong(number);
    return value == -1 && PyErr_Occurred() ? NULL : text(value);
}

static int bound(PyObject *slice, const char *name, long long missing, long long *value) {
    PyObject *object = PyObject_GetAttrString(slice, name);
    if (!object) return -1;
    *value = Py_IsNone(object) ? missing : PyLong_AsLongLong(object);
    Py_DECREF(object);
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *range(PyObject *slice) {
    long long start, stop, step;
    if (bound(slice, "start", 0, &start) || bound(slice, "stop", 0, &stop) || bound(slice, "step", 1, &step))
        return NULL;
    Py_ssize_t length = step > 0 && start < stop ? (stop - start + step - 1) / step : 0;
    PyObject *list = PyList_New(length);
    for (Py_ssize_t i = 0; list && i < length; i++) {
        PyObject *item = text(start + i * step);
        if (!item || PyList_SetItem(list, i, item)) { Py_CLEAR(list); }
    }
    return list;
}

static PyObject *fizzbuzz(PyObject *self, PyObject *n) {
    (void)self;
    if (PyObject_TypeCheck(n, &PySlice_Type)) return range(n);
    if (!PyList_Check(n)) return answer(n);
    Py_ssize_t length = PyList_Size(n);
    PyObject *list = PyList_New(length);
    for (Py_ssize_t i = 0; list && i < length; i++) {
        PyObject *item = answer(PyList_GetItem(n, i));
        if (!item || PyList_SetItem(list, i, item)) { Py_CLEAR(list); }
    }
    return list;
}

static PyMethodDef methods[] = {{"fizzbuzz", fizzbuzz, METH_O, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "c_fizzbuzz", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_c_fizzbuzz(void) {
    fizz = PyUnicode_InternFromString("fizz");
    buzz = PyUnicode_InternFromString("buzz");
    both = PyUnicode_InternFromString("fizzbuzz");
    return PyModule_Create(&module);
}
