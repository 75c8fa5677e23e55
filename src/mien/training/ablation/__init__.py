"""Tables of FaceRNET, run again row by row on any data with reaction labels."""
