"""The one part that is compiled, where there is a compiler; all else is in setup.cfg."""

from setuptools import Extension, setup

setup(ext_modules=[Extension("drivers.snmp._hot", ["drivers/snmp/_hot.c"], optional=True)])
