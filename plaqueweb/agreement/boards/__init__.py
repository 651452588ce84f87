"""The tabs of the dashboard.

A tab is one module here with a ``BOARD`` (see ``base.Board``) that is listed in ``registry.BOARDS``:

- ``compute(evidence, options)`` is pure: evidence in, JSON-ready figures out. Start from ``base.common(...)``, which
  gives ``n``, ``units`` (one row a study) and the badges; put the studies behind each mark into
  ``results["picks"][chart][key]`` as places in ``units`` (``base.picks``).
- ``present(report)`` returns the context of the tab's template ``templates/agreement/boards/<tab>.html`` (it extends
  ``agreement/base.html`` and fills the block ``figures``) with ``charts``, its ``shown.Chart`` by key; a template shows
  one with ``{% include "agreement/_chart.html" with chart=charts.<key> %}``. ``shown.cases_of`` gives a mark's address.
- ``parts`` name what evidence is loaded, ``filters`` which selects the bar shows.

Address, cache by input hash and code version, worker with progress, filter bar, table, CSV, SVG and PNG follow from
that. Pictures are drawn by ``static/src/agreement/charts`` (``types.ts`` says what each kind takes).
"""
