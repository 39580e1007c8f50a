from tests.acceptance import encodes

if __name__ == "__main__":
    encodes.pin()
