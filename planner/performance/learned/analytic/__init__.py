"""Analytic core: time from work, bytes, links and launches, before any learning.

Every function takes columns (arrays, one number a row) and returns arrays of the same length;
times are seconds, work is floating-point operations (a multiply-accumulate is two), sizes bytes.
"""
