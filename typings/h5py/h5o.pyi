from typing import Any

class ObjInfo:
    addr: int

def get_info(loc: Any) -> ObjInfo: ...
