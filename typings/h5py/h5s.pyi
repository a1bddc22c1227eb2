SEL_ALL: int
