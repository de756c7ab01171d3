/* What polling spends its time in, as drivers/snmp/ber.py and envelope.py say it in Python, with equal results:
   tests/snmp/test_hot.py runs both over the same octets. Built where there is a C compiler, missed nowhere. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

enum { INTEGER = 0x02, OCTETS = 0x04, SEQUENCE = 0x30, LONG_FORM = 0x80, MOST_LENGTH_OCTETS = 4 };
enum { ID_OCTETS = 4, MOST_INTEGER_OCTETS = 9 };

static PyObject *BerError, *read_value;

typedef struct {
    int tag;
    Py_ssize_t start, stop;
} Element;

/* The element at `at` within `size` octets, which must not pass `end`; 0 with an exception where there is none. */
static int element(const unsigned char *data, Py_ssize_t size, Py_ssize_t at, Py_ssize_t end, Element *found) {
    if (at < 0 || at + 1 >= size) {
        PyErr_SetString(PyExc_IndexError, "index out of range");
        return 0;
    }
    Py_ssize_t start = at + 2, length = data[at + 1];
    if (length & LONG_FORM) {
        Py_ssize_t octets = length & 0x7F;
        if (octets < 1 || octets > MOST_LENGTH_OCTETS) {
            PyErr_SetString(BerError, "bad length");
            return 0;
        }
        length = 0;
        for (Py_ssize_t i = start; i < start + octets && i < size; i++) length = length << 8 | data[i];
        start += octets;
        if (start > end) {
            PyErr_SetString(BerError, "bad length");
            return 0;
        }
    }
    if (start + length > end) {
        PyErr_SetString(BerError, "truncated");
        return 0;
    }
    found->tag = data[at];
    found->start = start;
    found->stop = start + length;
    return 1;
}

static int arguments(const char *name, PyObject *const *args, Py_ssize_t given, Py_ssize_t wanted, const unsigned char **data,
                     Py_ssize_t *size, Py_ssize_t *at, Py_ssize_t *end) {
    if (given != wanted || !PyBytes_Check(args[0])) {
        PyErr_Format(PyExc_TypeError, "%s(data: bytes, at: int, end: int, ...)", name);
        return 0;
    }
    *data = (const unsigned char *)PyBytes_AS_STRING(args[0]);
    *size = PyBytes_GET_SIZE(args[0]);
    *at = PyLong_AsSsize_t(args[1]);
    *end = PyLong_AsSsize_t(args[2]);
    return !PyErr_Occurred();
}

static PyObject *header(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    const unsigned char *data;
    Py_ssize_t size, at, end;
    Element found;
    if (!arguments("header", args, given, 3, &data, &size, &at, &end) || !element(data, size, at, end, &found)) return NULL;
    return Py_BuildValue("inn", found.tag, found.start, found.stop);
}

/* What is there of the contents: a slice of Python's ends where the octets end. */
static Py_ssize_t cut(Py_ssize_t stop, Py_ssize_t size) { return stop < size ? stop : size; }

static PyObject *read_integer(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    const unsigned char *data;
    Py_ssize_t size, at, end;
    Element found;
    if (!arguments("read_integer", args, given, 3, &data, &size, &at, &end) || !element(data, size, at, end, &found))
        return NULL;
    Py_ssize_t octets = found.stop - found.start;
    if (found.tag != INTEGER || octets < 1 || octets > 4) {
        PyErr_SetString(BerError, "no integer of 32 bits");
        return NULL;
    }
    Py_ssize_t last = cut(found.stop, size);
    long value = found.start < last && data[found.start] & 0x80 ? -1 : 0;
    for (Py_ssize_t i = found.start; i < last; i++) value = (long)((unsigned long)value << 8 | data[i]);
    return Py_BuildValue("ln", value, found.stop);
}

static PyObject *read_octets(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    const unsigned char *data;
    Py_ssize_t size, at, end;
    Element found;
    if (!arguments("read_octets", args, given, 3, &data, &size, &at, &end) || !element(data, size, at, end, &found))
        return NULL;
    if (found.tag != OCTETS) {
        PyErr_SetString(BerError, "no octet string");
        return NULL;
    }
    Py_ssize_t last = cut(found.stop, size), first = cut(found.start, last);
    return Py_BuildValue("y#n", data + first, last - first, found.stop);
}

static PyObject *value_of(int tag, const unsigned char *octets, Py_ssize_t size) {
    if (tag == OCTETS) return PyBytes_FromStringAndSize((const char *)octets, size);
    int counter = (tag >= 0x41 && tag <= 0x43) || tag == 0x46 || tag == 0x47;
    if (counter && (size < MOST_INTEGER_OCTETS || (size == MOST_INTEGER_OCTETS && octets[0] == 0)) && size > 0) {
        unsigned long long value = 0;
        for (Py_ssize_t i = 0; i < size; i++) value = value << 8 | octets[i];
        return PyLong_FromUnsignedLongLong(value);
    }
    if (tag == INTEGER && size >= 1 && size <= 8) {
        unsigned long long value = octets[0] & 0x80 ? ~0ULL : 0;
        for (Py_ssize_t i = 0; i < size; i++) value = value << 8 | octets[i];
        return PyLong_FromLongLong((long long)value);
    }
    return PyObject_CallFunction(read_value, "iy#", tag, octets, size);
}

static PyObject *nothing_of(PyObject *list) {
    Py_DECREF(list);
    if (PyErr_ExceptionMatches(BerError) || PyErr_ExceptionMatches(PyExc_IndexError)) {
        PyErr_Clear();
        Py_RETURN_NONE;
    }
    return NULL;
}

static PyObject *values_named(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    const unsigned char *data;
    Py_ssize_t size, at, end;
    if (!arguments("values_named", args, given, 4, &data, &size, &at, &end)) return NULL;
    if (!PyTuple_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError, "names must be a tuple of bytes");
        return NULL;
    }
    Py_ssize_t count = PyTuple_GET_SIZE(args[3]);
    PyObject *list = PyList_New(count);
    if (!list) return NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *name = PyTuple_GET_ITEM(args[3], i);
        if (!PyBytes_Check(name)) {
            Py_DECREF(list);
            PyErr_SetString(PyExc_TypeError, "names must be a tuple of bytes");
            return NULL;
        }
        Py_ssize_t length = PyBytes_GET_SIZE(name);
        Element binding, value;
        if (!element(data, size, at, size, &binding)) return nothing_of(list);
        Py_ssize_t tag_at = binding.start + length;
        if (binding.tag != SEQUENCE || tag_at > size ||
            memcmp(data + binding.start, PyBytes_AS_STRING(name), (size_t)length)) {
            Py_DECREF(list);
            Py_RETURN_NONE;
        }
        if (!element(data, size, tag_at, binding.stop, &value)) return nothing_of(list);
        if (value.stop != binding.stop) {
            Py_DECREF(list);
            Py_RETURN_NONE;
        }
        PyObject *read = value_of(value.tag, data + value.start, value.stop - value.start);
        if (!read) return nothing_of(list);
        PyList_SET_ITEM(list, i, read);
        at = value.stop;
    }
    if (at != end) {
        Py_DECREF(list);
        Py_RETURN_NONE;
    }
    return list;
}

static PyObject *tlv(PyObject *self, PyObject *const *args, Py_ssize_t given) {
    if (given != 2 || !PyBytes_Check(args[1])) {
        PyErr_SetString(PyExc_TypeError, "tlv(tag: int, contents: bytes)");
        return NULL;
    }
    long tag = PyLong_AsLong(args[0]);
    if (tag < 0 || tag > 255) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "bytes must be in range(0, 256)");
        return NULL;
    }
    Py_ssize_t size = PyBytes_GET_SIZE(args[1]), octets = 0;
    if (size >= LONG_FORM)
        for (Py_ssize_t rest = size; rest; rest >>= 8) octets++;
    PyObject *whole = PyBytes_FromStringAndSize(NULL, 2 + octets + size);
    if (!whole) return NULL;
    unsigned char *out = (unsigned char *)PyBytes_AS_STRING(whole);
    *out++ = (unsigned char)tag;
    *out++ = (unsigned char)(octets ? LONG_FORM | octets : size);
    for (Py_ssize_t i = octets - 1; i >= 0; i--) *out++ = (unsigned char)(size >> 8 * i);
    memcpy(out, PyBytes_AS_STRING(args[1]), (size_t)size);
    return whole;
}

/* Over the length at `at` - 1 and so to where the contents begin. */
static Py_ssize_t inside(const unsigned char *data, Py_ssize_t at) {
    return at + 2 + (data[at + 1] & LONG_FORM ? data[at + 1] & 0x7F : 0);
}

static PyObject *id_of(PyObject *self, PyObject *datagram) {
    if (!PyBytes_Check(datagram)) {
        PyErr_SetString(PyExc_TypeError, "id_of(datagram: bytes)");
        return NULL;
    }
    const unsigned char *data = (const unsigned char *)PyBytes_AS_STRING(datagram);
    Py_ssize_t size = PyBytes_GET_SIZE(datagram), at;
    if (size < 2 || (at = inside(data, 0)) + 3 >= size || data[at] != INTEGER || data[at + 1] != 1) Py_RETURN_NONE;
    int version = data[at + 2];
    at += 3;
    if (version > 3 || version == 2 || at + 1 >= size) Py_RETURN_NONE;
    if (version < 3) {
        Py_ssize_t octets = data[at + 1] & LONG_FORM ? data[at + 1] & 0x7F : 0, length = data[at + 1];
        if (octets > MOST_LENGTH_OCTETS || (data[at + 1] & LONG_FORM && !octets)) Py_RETURN_NONE;
        at += 2 + octets;
        if (octets) {
            length = 0;
            for (Py_ssize_t i = at - octets; i < at && i < size; i++) length = length << 8 | data[i];
        }
        at += length;
        if (at + 1 >= size) Py_RETURN_NONE;
    }
    at = inside(data, at);
    if (at + 2 + ID_OCTETS > size || data[at] != INTEGER || data[at + 1] != ID_OCTETS) Py_RETURN_NONE;
    return PyBytes_FromStringAndSize((const char *)data + at + 2, ID_OCTETS);
}

static PyMethodDef methods[] = {
    {"header", (PyCFunction)(void (*)(void))header, METH_FASTCALL, "See ber.header."},
    {"read_integer", (PyCFunction)(void (*)(void))read_integer, METH_FASTCALL, "See ber.read_integer."},
    {"read_octets", (PyCFunction)(void (*)(void))read_octets, METH_FASTCALL, "See ber.read_octets."},
    {"values_named", (PyCFunction)(void (*)(void))values_named, METH_FASTCALL, "See ber.values_named."},
    {"tlv", (PyCFunction)(void (*)(void))tlv, METH_FASTCALL, "See ber.tlv."},
    {"id_of", id_of, METH_O, "See ber.id_of."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_hot", "The hot functions of polling, in C.", -1, methods, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit__hot(void) {
    PyObject *ber = PyImport_ImportModule("drivers.snmp.ber");
    if (!ber) return NULL;
    Py_XSETREF(BerError, PyObject_GetAttrString(ber, "BerError"));
    Py_XSETREF(read_value, PyObject_GetAttrString(ber, "read_value"));
    Py_DECREF(ber);
    if (!BerError || !read_value) return NULL;
    return PyModule_Create(&module);
}
