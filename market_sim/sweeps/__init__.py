"""One market under many settings and seeds: what is varied (``plan``), played (``play``) and kept (``dataset``)."""
