import sidelite from './index.js'

export const {
  open, zeroBlob, Connection, Transaction, Statement, SideliteError, version, sqliteVersion
} = sidelite
