// How long the other side of a connection may give no sign of life.
#pragma once
void limit_silence(int descriptor, int seconds);
