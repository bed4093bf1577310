"""Answers from the data set of a sweep, read a run at a time: measures, paired effects, pictures, a report."""
