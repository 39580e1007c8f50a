from tests import golden, worked_example

golden.make()
worked_example.write()
