from tests import golden, worked_example
from tests.golden import vectors

golden.make()
worked_example.write()
vectors.write()
