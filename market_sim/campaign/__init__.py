"""Many independent jobs on every core or on a cluster, each computed once: nothing that was finished is lost.

A campaign is a set of jobs with keys (``job``). They are played by processes of this machine or by the workers of a
Dask cluster (``workers``), which write what they find where they run (``parts``) and note it in a manifest
(``store``). ``engine`` hands the jobs out, ``finished`` gives their tables and figures back, in the order of the keys.
"""
