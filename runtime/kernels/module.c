/* The kernels as an extension of Python, so that they are found and loaded as any other module of the package; the
 * functions are called through ctypes. */
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, .m_name = "_kernels"};
PyMODINIT_FUNC PyInit__kernels(void) { return PyModule_Create(&module); }
