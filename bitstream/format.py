"""Every constant that changes the bytes. Ids are never reused."""

MAGIC = b"\x89LCC"
VERSION = 0  # before 1.0 a file decodes only with the weights that wrote it

# section ids; those from OPTIONAL_FROM on may be skipped by a reader that does not know them
SECTION_HEADER = 1
SECTION_LATENTS = 2
OPTIONAL_FROM = 128

MEDIA_IMAGE = 0

STEP_UNITS = 256  # header units per octave of the nominal quantisation step
STEP_INDEX_MAX = 16 * STEP_UNITS
QUALITY_MAX = 100

DIGEST_BYTES = 4  # of SHA-256, naming the weights
CRC_BYTES = 4

MAX_SIDE = 1 << 24  # pixels
MAX_PIXELS = 1 << 26  # default limit; callers may choose another
MAX_SECTION_BYTES = 1 << 31

PROBABILITY_BITS = 16  # counts of a table row add up to 2^16
ESCAPE_BITS = 16  # an escaped symbol lies at most 2^16 - 1 beyond its row's reach
