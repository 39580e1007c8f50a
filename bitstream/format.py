"""Every constant that changes the bytes. Ids are never reused."""

MAGIC = b"\x89LCC"
VERSION = 1  # before 1.0 a file decodes only with the weights that wrote it

# section ids; those from OPTIONAL_FROM on may be skipped by a reader that does not know them
SECTION_HEADER = 1
SECTION_LATENTS = 2
SECTION_INDEX = 3
SECTION_ALPHA = 4
OPTIONAL_FROM = 128
SECTION_ICC = 128
SECTION_EXIF = 129
SECTION_XMP = 130

MEDIA_IMAGE = 0

# flags of a picture's header
FLAG_COLOUR = 1  # RGB, else grey
FLAG_16_BITS = 2  # the source had 16 bits a sample, else 8
FLAG_ALPHA = 4  # an alpha section is present
FLAGS = FLAG_COLOUR | FLAG_16_BITS | FLAG_ALPHA

STEP_UNITS = 256  # header units per octave of the nominal quantisation step
STEP_INDEX_MAX = 16 * STEP_UNITS
QUALITY_MAX = 100

DIGEST_BYTES = 4  # of SHA-256, naming the weights
CRC_BYTES = 4  # of CRC-32C

STRIDE = 16  # pixels a latent
ALIGNMENT = 64  # pixels a hyper-latent; sides of tiles are multiples of it
LAYERS = 3  # sections that the stream of a tile is cut into, coarse to fine

MAX_SIDE = 1 << 24  # pixels
MAX_PIXELS = 200_000_000  # default limit; callers may choose another
MAX_TILE_PIXELS = 1 << 21
MAX_SECTION_BYTES = 1 << 31
MAX_METADATA_BYTES = 1 << 26  # of an ICC profile, EXIF or XMP, inflated

PROBABILITY_BITS = 16  # counts of a table row add up to 2^16
ESCAPE_BITS = 16  # an escaped symbol lies at most 2^16 - 1 beyond its row's reach
