"""A simulated reading programme: readers and pipelines with known errors on invented aortas, so that pages can be
judged full and statistics held to a known truth. ``parameters`` to ``geometry`` are pure numpy, ``store*`` write.
"""
