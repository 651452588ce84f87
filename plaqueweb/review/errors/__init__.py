"""Error review: model against readers. It says why a model was wrong and may write nothing else.

This package cannot reach what writes a reference or queues a case for adjudication (an import contract, see
``pyproject.toml``): a reference that was looked at again because a model disagreed would favour the model
(discrepant analysis; Hadgu, Stat Med 1999).
"""
