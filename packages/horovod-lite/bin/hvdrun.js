#!/usr/bin/env node
import '../dist/hvdrun.js'
