'use strict'
module.exports = require('../../../sqlite3')
