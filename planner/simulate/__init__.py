"""Discrete-event simulation of queues: what closed forms leave out."""
