from typing import Any

ACC_RDWR: int
ACC_SWMR_WRITE: int
OBJ_DATASET: int
OBJ_GROUP: int
OBJ_LOCAL: int

def get_obj_count(where: Any, types: int) -> int: ...
def get_obj_ids(where: Any, types: int) -> list[Any]: ...
