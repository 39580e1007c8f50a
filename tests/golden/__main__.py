from tests.golden import make

make()
