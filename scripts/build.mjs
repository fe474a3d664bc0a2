// npm run build: everything that `npx unet-industrial` needs in this clone.
import { bootstrap, say } from './bootstrap.mjs'

bootstrap()
say('built; try: npx unet-industrial --help')
