"""Figures that Plaza stands by: each script here prints some, on the machine it runs on."""
