"""Every constant that changes the bytes. Ids are never reused."""

MAGIC = b"\x89LCC"
VERSION = 3  # of the format 1.0; files of versions before it were never promised

# section ids; those from OPTIONAL_FROM on may be skipped by a reader that does not know them
SECTION_HEADER = 1
SECTION_LATENTS = 2
SECTION_INDEX = 3
SECTION_ALPHA = 4
SECTION_END = 5  # of a clip
SECTION_PART = 6  # of an original
OPTIONAL_FROM = 128
SECTION_ICC = 128
SECTION_EXIF = 129
SECTION_XMP = 130
SECTION_TAGS = 131  # of a clip
SECTION_METADATA = 136  # of a clip
SECTION_RESOURCES = 140  # of an image, as those below: what Photoshop adds to files, IPTC among it
SECTION_TEXTS = 141
SECTION_RESOLUTION = 142
SECTION_CHUNKS = 143  # of PNG, kept as they are
SECTION_EXTENDED_XMP = 144
SECTION_TRAILER = 145  # what stood behind the image in its file

MEDIA_IMAGE = 0
MEDIA_AUDIO = 1
MEDIA_ORIGINAL = 2  # any file, byte for byte

# flags of an image's header
FLAG_COLOUR = 1  # RGB, else grey
FLAG_16_BITS = 2  # the source had 16 bits a sample, else 8
FLAG_ALPHA = 4  # an alpha section is present
FLAGS = FLAG_COLOUR | FLAG_16_BITS | FLAG_ALPHA

# flags of a clip's header
FLAG_STEREO = 1  # two channels, else one
FLAG_MID_SIDE = 2  # coded as (left + right) / sqrt 2 and (left - right) / sqrt 2, each at a step of its own
FLAG_24_BITS = 4  # the source had 24 bits a sample, else 16 ...
FLAG_FLOAT = 8  # ... or floats of 32
FLAG_LAYOUT = 16  # three channels or more, whose layout follows
AUDIO_FLAGS = FLAG_STEREO | FLAG_MID_SIDE | FLAG_24_BITS | FLAG_FLOAT | FLAG_LAYOUT
CHANNEL_FLAGS = (0, FLAG_STEREO, FLAG_STEREO | FLAG_MID_SIDE, FLAG_LAYOUT)  # what of them may stand together
MAX_CHANNELS = 8

# how channels of a layout are coded, in their order: one of them ...
GROUP_SINGLE = 0
GROUP_MID_SIDE = 1  # ... or two, as sum and difference

# how an original is stored
ORIGINAL_ZSTANDARD = 1
ORIGINAL_LEPTON = 2  # a JPEG
ORIGINAL_FLAC = 3  # a WAVE file
ORIGINAL_METHODS = (ORIGINAL_ZSTANDARD, ORIGINAL_LEPTON, ORIGINAL_FLAC)

# how a tile is coded: the first byte of its stream
TILE_LATENTS = 0  # as latents, where table row 0 is certain
TILE_OPEN_LATENTS = 1  # as latents under no row below 1: nothing is certain
TILE_LOSSLESS = 2  # as pixels without loss
TILE_JPEG_XL = 3  # the same, by JPEG XL
TILE_KINDS = (TILE_LATENTS, TILE_OPEN_LATENTS, TILE_LOSSLESS, TILE_JPEG_XL)
TILES_OF_PIXELS = (TILE_LOSSLESS, TILE_JPEG_XL)

STEP_UNITS = 256  # header units per octave of the nominal quantisation step
STEP_INDEX_MAX = 16 * STEP_UNITS
QUALITY_MAX = 100

DIGEST_BYTES = 8  # of SHA-256, naming weights
CRC_BYTES = 4  # of CRC-32C

STRIDE = 16  # pixels a latent
ALIGNMENT = 64  # pixels a hyper-latent; sides of tiles are multiples of it
LAYERS = 3  # sections that the stream of a tile is cut into, coarse to fine

MAX_SIDE = 1 << 24  # pixels
MAX_PIXELS = 200_000_000  # default limit; callers may choose another
MAX_TILE_PIXELS = 1 << 21
MAX_SECTION_BYTES = 1 << 31
MAX_METADATA_BYTES = 1 << 26  # of an ICC profile, EXIF or XMP, inflated
MAX_EXTRA_BYTES = 1 << 24  # of each of the sections from 140 to 144, inflated
MAX_TRAILER_BYTES = 1 << 28
MAX_EXTRAS = 1 << 12  # texts, or chunks, of an image

SAMPLE_RATE = 48_000  # Hz, of coded audio
HOP = 240  # samples a frame of the transform
FRAMES = 4  # a latent: 20 ms
CHUNK_LATENTS = 100  # 2 s; only the last chunk may be shorter
MAX_CHUNK_BYTES = 1 << 20  # of one or two channels; as much again for each further two
MAX_RATE = 1 << 20  # Hz, of the source
MAX_SAMPLES = 1 << 40  # of each channel: products with rates stay below 2^64
MAX_SECONDS = 24 * 3600  # default limit; callers may choose another
MAX_TAGS_BYTES = 1 << 16  # inflated
MAX_AUDIO_METADATA_BYTES = 1 << 24  # inflated
MAX_LATER_BYTES = 1 << 26  # of sections behind the chunks of a clip

HASH_BYTES = 32  # of SHA-256
MAX_PART_BYTES = 1 << 22  # of any section of an original
MAX_ORIGINAL_BYTES = 1 << 40
MAX_HELD_BYTES = 1 << 32  # default limit of an original that is decoded into memory; callers may choose another
MAX_WINDOW_BYTES = 1 << 27  # of a zstandard frame
MAX_LEPTON_BYTES = 1 << 28  # of a JPEG, which is coded in memory as a whole
MAX_WAVE_SURROUNDINGS_BYTES = 1 << 24  # of what stands before and behind the samples of a WAVE file, together
MAX_CODED_GROWTH = 1 << 16  # bytes that a coded original may have beyond 1 / 16 more than the original

# kinds of items in the metadata of a clip
METADATA_CHUNK = 1  # of a WAVE file
METADATA_PICTURE = 2
METADATA_CHAPTER = 3
METADATA_COMMENT = 4

PROBABILITY_BITS = 16  # counts of a table row add up to 2^16
ESCAPE_BITS = 16  # an escaped symbol lies at most 2^16 - 1 beyond its row's reach
