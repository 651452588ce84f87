"""How good a pipeline is on cases it has not seen: cases, figures with intervals, a report, pictures of the worst.

Nothing here imports torch, so that the processes that render or decode cases start quickly; the predictor is handed in.
"""
