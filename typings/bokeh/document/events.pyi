class DocumentPatchedEvent:
    setter: object
