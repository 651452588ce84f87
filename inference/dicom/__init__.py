"""The only DICOM reader and writer of PlaqueWeb: ultrasound stills and cines, calibration, pixels.

``regions`` works on plain objects and imports neither pydicom nor a codec, so that the web process may use it.
"""
