"""Every limit in one place; shown on the settings reference page, each tested at the limit and one beyond."""

from __future__ import annotations

from datetime import timedelta

UPLOAD_BYTES = 2 * 1024**3  # one uploaded file, zips included
ZIP_ENTRIES = 5_000
ZIP_BYTES = 8 * 1024**3  # sum of what a zip unpacks to
CLIP_FRAMES = 2_000
FRAME_PIXELS = 64_000_000
CLIP_PIXELS = 1_500_000_000  # frames × rows × columns of one clip
INTAKE_MEMORY_BYTES = 2 * 1024**3
INTAKE_CPU_SECONDS = 60
INTAKE_WALL_SECONDS = 120

NOTE_CHARACTERS = 2_000
DRAFT_FRAMES_PER_SAVE = 200
CALIPERS_PER_FRAME = 20
OUTLINE_POINTS = 2_000  # of one outer-wall outline
LESIONS_PER_READ = 20
SCALES_PER_SAVE = 200  # regions whose scale was set by hand
QUESTIONS = 30  # own questions of a protocol
GRADES = 9  # of an own grading scheme
QUESTION_CHOICES = 12
QUESTION_CHARACTERS = 200
CHOICE_CHARACTERS = 60
UNIT_CHARACTERS = 12
NUMBER_MOST = 1e9  # the largest number a question takes
ANSWER_CHARACTERS = 500  # of a text
GUIDE_SECTIONS = 30  # of a reading guide
GUIDE_TITLE_CHARACTERS = 80
GUIDE_TEXT_CHARACTERS = 4_000  # of one section
GUIDE_CHARACTERS = 32_000  # of all sections: it comes with every case
GUIDE_PICTURES = 4  # of one section
GUIDE_CAPTION_CHARACTERS = 300  # and of an alternative text
GUIDE_PICTURE_BYTES = 8 * 1024**2  # of a picture as uploaded
GUIDE_PICTURE_PIXELS = 40_000_000
GUIDE_PICTURE_SIDE = 1_600  # larger ones are made smaller
REQUEST_BYTES = 12 * 1024**2  # one JSON body

LEASE = timedelta(seconds=30)
LOST_ATTEMPTS = 5  # lease expiries before a row is dead
FAILURES = 3  # exceptions before a row is dead
STUDY_QUIET = timedelta(seconds=30)  # a study is ready when nothing arrived for this long

LOGIN_ATTEMPTS = 10  # per account and per address in LOGIN_WINDOW
LOGIN_WINDOW = timedelta(minutes=10)
